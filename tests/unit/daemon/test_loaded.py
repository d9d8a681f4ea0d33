"""What the configuration says reaches whom it is said to."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from docstopd.config import Config
from docstopd.daemon.compose import dav_settings, policy_of
from docstopd.daemon.loaded import http_settings
from docstopd.dav import Settings as DavSettings
from docstopd.http import Settings as HttpSettings
from docstopd.vault import Policy
from docstopd.vault.notifications.rules import KINDS

KEEP = {"last": 1, "hourly": 2, "daily": 3, "weekly": 4, "monthly": 5, "yearly": 6, "within": "8d"}

OTHER: dict[str, Any] = {
    "http": {
        "threads": 3,
        "most_threads": 7,
        "held_up_per_address": 2,
        "connections": 11,
        "keep_alive": "11s",
        "header_timeout": "12s",
        "body_timeout": "13s",
        "minimum_rate": 5,
        "minimum_rate_grace": "14s",
        "max_header": "5KiB",
        "max_uri": "2KiB",
        "trusted_proxies": ["10.0.0.0/8"],
        "public_names": ["files.example.org"],
    },
    "sessions": {"idle": "2m", "absolute": "3m", "listings": "1MiB"},
    "throttle": {"free": 2, "first_delay": "2s", "longest_delay": "3s", "forget": "1h", "per_address_factor": 3},
    "limits": {
        "xml_body": "5KiB",
        "properties": 3,
        "property_size": "2KiB",
        "depth": 3,
        "path": 300,
        "name": 40,
        "upload": 7,
    },
    "quota": {"space": 9},
    "erasure": {"grace": "1d"},
    "jobs": {"zone": "Europe/Vienna"},
    "snapshots": {"keep": KEEP, "keyring_days": 3, "scrub_days": 4, "scrub_rate": "1MiB"},
    "audit": {"reads": False, "read_window": "2m"},
    "retention": {"versions": KEEP, "trash": "3d", "brake": 7},
    "classes": [{"name": "letters", "match": ["**"], "keep_for": "9d"}],
    "tripwire": {"window": "7m", "overwrites": 4, "deletes": 5, "raised": 6, "action": "read-only"},
    "notify": {"job": "off", "most_per_hour": 3, "keep": "2d", "snapshot_age": "3d"},
}

FIXED = {"lock_owner", "lock_shortest", "lock_default", "lock_longest", "realm", "notify.window"}
"""What no configuration says: clients know these, not people; the last is the hour of `most_per_hour`."""


@pytest.mark.parametrize(
    ("built", "plain"),
    [(http_settings, HttpSettings()), (dav_settings, DavSettings()), (policy_of, Policy())],
)
def test_every_limit_is_set_by_the_configuration(built: Any, plain: Any) -> None:
    """A setting that stays what it is when all keys are written is one that nobody can change."""
    found = built(Config.model_validate({"data": Path("/data"), **OTHER}))
    given, unset = dict(leaves(found)), dict(leaves(plain))
    same = {name for name, value in given.items() if name in unset and unset[name] == value}
    assert same - FIXED == set()


def leaves(settings: Any, within: str = "") -> Iterator[tuple[str, Any]]:
    """Every value, those of settings within settings too, by its name."""
    for field in fields(settings):
        value, name = getattr(settings, field.name), f"{within}{field.name}"
        if is_dataclass(value):
            yield from leaves(value, f"{name}.")
        else:
            yield name, value


def test_every_limit_has_its_default_from_the_configuration() -> None:
    """The server's own defaults are those that are published, but for the patience that the tests need."""
    config = Config.model_validate({"data": Path("/data")})
    assert dav_settings(config) == DavSettings()
    policy = policy_of(config)
    assert set(policy.notify.to) == set(KINDS)
    told = replace(policy.notify, to={})  # who is told what is the configuration's alone to say
    assert replace(policy, notify=told) == Policy()
    published = http_settings(config)
    different = {f.name for f in fields(published) if getattr(published, f.name) != getattr(HttpSettings(), f.name)}
    assert different <= {"rate_window"}
