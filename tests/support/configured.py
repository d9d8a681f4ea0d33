"""A real docstopd with settings of a test's own."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import daemon
import yaml


@contextlib.contextmanager
def configured(folder: Path, **sections: Mapping[str, Any] | list[Any]) -> Iterator[daemon.Running]:
    """Make a service in `folder` with `quickstart`, change these keys of its configuration, and run it.

    It listens on a free port of the loopback address, without TLS, and knows the user that `quickstart` made.
    """
    made = daemon.start(folder)
    daemon.stop(made)
    settings = yaml.safe_load(made.config.read_text())
    for name, keys in sections.items():
        settings[name] = keys if isinstance(keys, list) else {**(settings.get(name) or {}), **keys}
    made.config.write_text(yaml.safe_dump(settings))
    with daemon.running(folder) as running:
        space = f"{running.url}dav/{made.user}/"
        yield replace(running, space_url=space, user=made.user, password=made.password)
