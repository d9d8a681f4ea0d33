"""The whole configuration, frozen, with the rules that span its sections."""

import os
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from docstopd.config.network import is_loopback
from docstopd.config.place import AbsolutePath, SecretFile
from docstopd.config.sections import (
    HttpConfig,
    KeysConfig,
    LimitsConfig,
    LogConfig,
    QuotaConfig,
    Section,
    SessionsConfig,
    ThrottleConfig,
    TlsConfig,
    WatchConfig,
)
from docstopd.config.sections_of_alarms import NotifyConfig, TripwireConfig
from docstopd.config.sections_of_audit import AuditConfig, MailConfig
from docstopd.config.sections_of_drops import DropConfig
from docstopd.config.sections_of_time import (
    ClassConfig,
    ErasureConfig,
    JobsConfig,
    RetentionConfig,
    SnapshotsConfig,
)

DEFAULT_DATA = Path("/var/lib/docstopd")

OWN = ("blobs", "keys", "run", "tls")
"""Folders of the data folder in which nothing else may be."""


class Config(Section):
    """Everything that docstopd is told from outside; `data` is the one key without a default."""

    data: AbsolutePath = Field(description="Folder of everything that is stored. Paths are relative to this file's.")
    http: HttpConfig = Field(default=HttpConfig())
    tls: TlsConfig = Field(default=TlsConfig(), validate_default=True)
    keys: KeysConfig = Field(default=KeysConfig(), validate_default=True)
    sessions: SessionsConfig = Field(default=SessionsConfig())
    throttle: ThrottleConfig = Field(default=ThrottleConfig())
    limits: LimitsConfig = Field(default=LimitsConfig())
    quota: QuotaConfig = Field(default=QuotaConfig())
    retention: RetentionConfig = Field(default=RetentionConfig())
    classes: tuple[ClassConfig, ...] = Field(
        default=(), strict=False, description="The records schedule: the first class whose pattern fits holds."
    )
    snapshots: SnapshotsConfig = Field(default=SnapshotsConfig())
    erasure: ErasureConfig = Field(default=ErasureConfig())
    jobs: JobsConfig = Field(default=JobsConfig())
    mail: MailConfig = Field(default=MailConfig())
    audit: AuditConfig = Field(default=AuditConfig())
    tripwire: TripwireConfig = Field(default=TripwireConfig())
    drop: tuple[DropConfig, ...] = Field(
        default=(), strict=False, description="Drop folders: what lands in them goes into a space."
    )
    watch: WatchConfig = Field(default=WatchConfig())
    notify: NotifyConfig = Field(default=NotifyConfig())
    log: LogConfig = Field(default=LogConfig())

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, written: object) -> object:
        # `http:` with all of its keys commented out reads as null, and means the defaults.
        if not isinstance(written, dict):
            return written
        return {key: value for key, value in written.items() if value is not None}

    @field_validator("tls")
    @classmethod
    def _cleartext_stays_here(cls, tls: TlsConfig, info: ValidationInfo) -> TlsConfig:
        http: HttpConfig | None = info.data.get("http")
        if http and tls.certificate is None and tls.cleartext == "loopback-only" and not is_loopback(http.address):
            raise PydanticCustomError(
                "cleartext",
                "there is no certificate, and http.address ({address}) is open to the network; give tls.certificate"
                " and tls.key, or listen on 127.0.0.1, or write"
                " tls.cleartext: passwords-may-cross-the-network-unencrypted",
                {"address": http.address},
            )
        return tls

    @field_validator("snapshots")
    @classmethod
    def _targets_are_apart(cls, snapshots: SnapshotsConfig, info: ValidationInfo) -> SnapshotsConfig:
        data: Path | None = info.data.get("data")
        if data is None:
            return snapshots
        own = [data / name for name in OWN]
        for place in [place for target in snapshots.targets for place in (target.path, target.keyring) if place]:
            if data.is_relative_to(place) or any(place.is_relative_to(folder) for folder in own):
                raise PydanticCustomError(
                    "targets",
                    "has a target in {place}, where the data lies; name another folder, best on another disk",
                    {"place": str(place)},
                )
        return snapshots

    @field_validator("audit")
    @classmethod
    def _copy_is_elsewhere(cls, audit: AuditConfig, info: ValidationInfo) -> AuditConfig:
        data: Path | None = info.data.get("data")
        if data and audit.copy_to and audit.copy_to.is_relative_to(data):
            raise PydanticCustomError(
                "audit", "has copy_to in the data folder, where it proves nothing; name a folder elsewhere"
            )
        return audit

    @field_validator("audit")
    @classmethod
    def _mail_has_a_server(cls, audit: AuditConfig, info: ValidationInfo) -> AuditConfig:
        mail: MailConfig | None = info.data.get("mail")
        if audit.mail_to and mail and mail.host is None:
            raise PydanticCustomError("mail", "has mail_to, but there is no mail.host; name the mail server")
        return audit

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, classes: tuple[ClassConfig, ...]) -> tuple[ClassConfig, ...]:
        if len({one.name for one in classes}) < len(classes):
            raise PydanticCustomError("classes", "has two classes of one name; make them differ")
        return classes

    @field_validator("drop")
    @classmethod
    def _drops_are_apart(cls, drops: tuple[DropConfig, ...], info: ValidationInfo) -> tuple[DropConfig, ...]:
        if len({one.name for one in drops}) < len(drops):
            raise PydanticCustomError("drop", "has two drop folders of one name; make them differ")
        snapshots: SnapshotsConfig | None = info.data.get("snapshots")
        places = [info.data["data"]] if "data" in info.data else []
        places += [place for one in (snapshots.targets if snapshots else ()) for place in (one.path, one.keyring)]
        for number, one in enumerate(drops):
            for other in (*places, *(drop.folder for drop in drops[:number])):
                if other is not None and _overlap(one.folder, other):
                    raise PydanticCustomError(
                        "drop",
                        "has a drop folder {folder} that holds, or lies in, {other}; keep them apart",
                        {"folder": str(one.folder), "other": str(other)},
                    )
        return drops

    @field_validator("keys")
    @classmethod
    def _server_key_in_data(cls, keys: KeysConfig, info: ValidationInfo) -> KeysConfig:
        # Written paths are absolute by now; only the default is relative, to the data folder.
        if "data" not in info.data or keys.server.credential or Path(keys.server.written).is_absolute():
            return keys
        return KeysConfig(server=SecretFile(str(info.data["data"] / keys.server.written)))


def _overlap(one: Path, other: Path) -> bool:
    # Links are followed: what lies in a drop folder is removed, and by whatever name it is reached it must be nobody's.
    first, second = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return first.is_relative_to(second) or second.is_relative_to(first)


def default() -> Config:
    """Every default, with the data folder of a system service."""
    return Config(data=DEFAULT_DATA)
