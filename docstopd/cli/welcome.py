"""What `quickstart` says, once, when the new service is ready."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from docstopd.cli.output import console


@dataclass(frozen=True, slots=True)
class Welcome:
    """Where the service is; the credentials are None when they were shown before."""

    url: str
    user: str | None
    password: str | None
    recovery_code: str | None
    config: str
    data: str

    def __repr__(self) -> str:
        return f"Welcome({self.url})"


def say_json(welcome: Welcome) -> None:
    """One line for a program."""
    sys.stdout.write(json.dumps(asdict(welcome), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say(welcome: Welcome, certificate: Path | None) -> None:
    """A page for a person."""
    lines = [*_access(welcome), *_mounts(welcome, certificate), *_hints(welcome)]
    out = console(width=100)
    out.rule("docstopd is ready")
    for line in lines:
        out.print(line, soft_wrap=True, markup=False, highlight=False)
    out.rule()
    sys.stdout.flush()


def _access(welcome: Welcome) -> list[str]:
    lines = [f"  address        {_share(welcome)}"]
    if welcome.user is not None:
        lines += [
            f"  user           {welcome.user}",
            f"  password       {welcome.password}",
            f"  recovery code  {welcome.recovery_code}",
            "",
            "  Write the password and the recovery code down now: they are not shown again, and without one of them",
            "  nobody can open what you store.",
        ]
    return [*lines, ""]


def _share(welcome: Welcome) -> str:
    return f"{welcome.url}dav/" + (f"{quote(welcome.user)}/" if welcome.user is not None else "")


def _mounts(welcome: Welcome, certificate: Path | None) -> list[str]:
    share = _share(welcome)
    bare = share.partition("://")[2]
    suffix = "s" if urlsplit(share).scheme == "https" else ""
    trust = [] if certificate is None else [f"  Its certificate is new: let your system trust {certificate}", ""]
    return [
        "  How to mount it:",
        f"  Windows        Explorer, This PC, Map network drive: {share}",
        f"  macOS          Finder, Go, Connect to Server: {share}",
        f"  GNOME          Files, Other Locations: dav{suffix}://{bare}",
        f"  KDE            Dolphin: webdav{suffix}://{bare}",
        f"  Linux          mount -t davfs {share} /mnt",
        f"  rclone         rclone config create docstopd webdav url={share} vendor=owncloud"
        f" user={welcome.user or 'YOU'} pass=PASSWORD --obscure",
        "",
        *trust,
    ]


def _hints(welcome: Welcome) -> list[str]:
    return [
        f"  Configuration  {welcome.config}",
        f"  Data and keys  {welcome.data}  (keep a copy of keys/server.key elsewhere)",
        "  Ctrl-C stops it; the same command starts it again.",
    ]
