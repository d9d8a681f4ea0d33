"""Which run of the daemon this is, and how it is configured, as the journal has them."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from docstopd.config import Config


def run_of_supervisor() -> str:
    """The supervisor's process, told from any other that had or will have its number; the same in all its children."""
    parent = os.getppid()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    # The name in parentheses may hold anything; the time of the start is the twentieth word after it.
    started = Path(f"/proc/{parent}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    return f"{boot}/{parent}/{started}"


def settings_of(config: Config) -> dict[str, str]:
    """Every key by its full name, with its value as text. Secrets are files, of which only the place is here."""
    found: dict[str, str] = {}
    _flatten("", config.model_dump(mode="json"), found)
    return found


def certificate_of(config: Config) -> dict[str, str]:
    """The certificate as a setting: a renewed one is another one, though its name is the same."""
    if config.tls.certificate is None:
        return {}
    try:
        content = config.tls.certificate.locate(os.environ).read_bytes()
    except OSError:
        return {}
    return {"tls.certificate.sha256": hashlib.sha256(content).hexdigest()}


def _flatten(name: str, value: Any, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, held in value.items():
            _flatten(f"{name}.{key}" if name else key, held, found)
    else:
        found[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
