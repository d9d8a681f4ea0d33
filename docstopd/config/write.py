"""The short configuration that `quickstart` and `init` write: what they decided, and nothing that has a default."""

import math
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Minimal:
    """What a new configuration says; `certificate` and `key` are both given or both None (plain HTTP on loopback).

    `target` is where snapshots go, and `keyring` where the keyring's copies do, if that is elsewhere.
    """

    data: Path
    address: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    target: Path | None = None
    target_name: str = "first"
    keyring: Path | None = None


def render_minimal(values: Minimal) -> str:
    """Write the YAML text that `parse` reads back as `values` and defaults."""
    text = (
        "# docstopd's configuration. `docstopd config schema` lists every other key with its default and meaning.\n"
        "\n"
        "# Everything that is stored, and the keys: copy keys/server.key to a safe place, nothing opens without it.\n"
        f"data: {_quoted(values.data)}\n"
        "\n"
        "http:\n"
        f"  address: {_quoted(values.address)}\n"
        f"  port: {values.port}\n"
    )
    if values.target is not None:
        text += (
            "\n"
            "# Where snapshots go, every night. Another disk is better: what takes this one takes both.\n"
            "snapshots:\n"
            "  targets:\n"
            f"    - name: {_quoted(values.target_name)}\n"
            f"      path: {_quoted(values.target)}\n"
        )
        if values.keyring is not None:
            text += f"      keyring: {_quoted(values.keyring)}\n"
    if values.certificate is None or values.key is None:
        return text + "\n# No tls.certificate: plain HTTP, which docstopd speaks to this machine only.\n"
    return text + (
        "\n"
        "# Replace these two by a certificate that your clients trust, then reload (SIGHUP).\n"
        "tls:\n"
        f"  certificate: {_quoted(values.certificate)}\n"
        f"  key: {_quoted(values.key)}\n"
    )


def _quoted(value: str | Path) -> str:
    # Quoted whatever it holds: a folder may be named `null`, `# 1` or `a: b`.
    written: str = yaml.safe_dump(str(value), default_style='"', allow_unicode=True, width=math.inf)
    return written.rstrip("\n")
