"""The sections of the configuration. The fields' descriptions are the manual: the JSON Schema is made from them."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from docstopd.config.duration import Duration
from docstopd.config.network import Address, Network, PublicName
from docstopd.config.place import SecretFile, SecretFilePlace
from docstopd.config.size import Size

_KIB, _MIB = 2**10, 2**20
_SECOND, _MINUTE, _HOUR, _DAY = Duration(1), Duration(60), Duration(3600), Duration(86400)


def _parse_workers(written: object) -> object:
    if written == 0 and written is not False:
        raise PydanticCustomError("workers", "must be at least 1, or the word auto")
    return 0 if written == "auto" else written


Workers = Annotated[
    int,
    BeforeValidator(_parse_workers),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": 256}]}),
]


class Section(BaseModel):
    """What all sections share: frozen, nothing unknown, nothing converted behind the writer's back."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class HttpConfig(Section):
    """The listener, the processes behind it, and what they wait for and accept."""

    address: Address = Field(default="127.0.0.1", description="IP address to listen on; 0.0.0.0 or :: for all.")
    port: int = Field(default=8443, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one.")
    workers: Workers = Field(
        default=0,
        le=256,
        description="Processes that serve requests; auto is one for each processor.",
        json_schema_extra={"default": "auto"},
    )
    threads: int = Field(default=10, ge=1, le=256, description="Requests that one process serves at a time.")
    most_threads: int = Field(
        default=256,
        ge=2,
        le=4096,
        description="Threads of one process, those included that slow clients hold up, which do not count as serving;"
        " at least twice threads. Who would need one more is cut off.",
    )
    held_up_per_address: int = Field(
        default=128,
        ge=1,
        le=4096,
        description="Of these, how many clients of one address (in IPv6: of one /64 network) may hold up.",
    )
    connections: int = Field(
        default=1000,
        ge=10,
        le=65_535,
        description="Connections that one process keeps open; beyond, an idle one is closed for a new one.",
    )
    backlog: int = Field(default=128, ge=1, le=65535, description="Connections that may wait to be accepted.")
    public_names: tuple[PublicName, ...] = Field(
        default=(),
        strict=False,
        description="Names by which clients reach the service (files.example.org, or https://files.example.org:8443)."
        " The Destination of a move or copy may carry them; the name asked for is always accepted.",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        default=(),
        strict=False,
        description="Networks of the reverse proxies whose X-Forwarded-* headers are believed.",
    )
    keep_alive: Duration = Field(
        default=Duration(10), ge=_SECOND, le=_HOUR, description="How long a connection may idle between two requests."
    )
    header_timeout: Duration = Field(
        default=Duration(15),
        ge=_SECOND,
        le=_HOUR,
        description="How long a request's line and headers may take to arrive.",
    )
    body_timeout: Duration = Field(
        default=Duration(60), ge=_SECOND, le=_HOUR, description="How long a body may stall without one byte moving."
    )
    minimum_rate: Size = Field(
        default=_KIB, le=64 * _MIB, description="Bytes a second that a body must average; 0 for no such rule."
    )
    minimum_rate_grace: Duration = Field(
        default=Duration(30),
        ge=_SECOND,
        le=_HOUR,
        description="How long a body may stay below minimum_rate at its start.",
    )
    max_header: Size = Field(
        default=64 * _KIB, ge=4 * _KIB, le=_MIB, description="Largest request line and headers together."
    )
    max_uri: Size = Field(
        default=16 * _KIB, ge=_KIB, le=_MIB, description="Longest request target; a longer one gets 414."
    )
    shutdown_grace: Duration = Field(
        default=Duration(30),
        le=_HOUR,
        description="How long requests in flight may take to finish when the service stops.",
    )


class TlsConfig(Section):
    """The certificate; without one the service speaks plain HTTP, on this machine only unless it is told otherwise."""

    certificate: SecretFilePlace | None = Field(
        default=None, description="PEM file of the certificate and its chain, or credential:NAME; needs key."
    )
    key: SecretFilePlace | None = Field(
        default=None,
        validate_default=True,
        description="PEM file of the certificate's private key, or credential:NAME; needs certificate.",
    )
    cleartext: Literal["loopback-only", "passwords-may-cross-the-network-unencrypted"] = Field(
        default="loopback-only",
        description="Where plain HTTP is allowed when there is no certificate. With the second value everybody on the"
        " way reads names, passwords and contents.",
    )

    @field_validator("key")
    @classmethod
    def _both_or_none(cls, key: SecretFile | None, info: ValidationInfo) -> SecretFile | None:
        if "certificate" in info.data and (key is None) != (info.data["certificate"] is None):
            there, absent = ("certificate", "key") if key is None else ("key", "certificate")
            raise PydanticCustomError(
                "tls", "{there} is given without {absent}; write both or none", {"there": there, "absent": absent}
            )
        return key


def _parse_server_key(written: object) -> object:
    return KeysConfig.model_fields["server"].default if written is None else written


class KeysConfig(Section):
    """Where the service's own keys lie."""

    server: Annotated[SecretFilePlace, BeforeValidator(_parse_server_key)] = Field(
        default=SecretFile("keys/server.key"),
        description="File of the server key (mode 0600), or credential:NAME; null is keys/server.key in the data"
        " folder. Without this file no data can be opened: keep a copy elsewhere.",
        json_schema_extra={"type": ["string", "null"], "default": None},
    )


class SessionsConfig(Section):
    """How long unlocked keys stay in memory, and what is kept beside them."""

    idle: Duration = Field(
        default=Duration(900),
        ge=_MINUTE,
        le=_DAY,
        description="After this time without a request a user's keys are dropped.",
    )
    absolute: Duration = Field(
        default=Duration(43_200),
        validate_default=True,
        ge=_MINUTE,
        le=Duration(2_592_000),
        description="After this time they are dropped, used or not.",
    )
    listings: Size = Field(
        default=32 * _MIB,
        le=2**34,
        description="Memory of each process for listings that were made before, which go with the keys; 0 for none.",
    )

    @field_validator("absolute")
    @classmethod
    def _not_before_idle(cls, absolute: Duration, info: ValidationInfo) -> Duration:
        return _not_below("idle", absolute, info)


class ThrottleConfig(Section):
    """What failed sign-ins cost."""

    free: int = Field(default=5, ge=1, le=1000, description="Failures of one user that cost no delay.")
    first_delay: Duration = Field(
        default=_SECOND, ge=Duration(0.1), le=_HOUR, description="Delay after the next; it doubles."
    )
    longest_delay: Duration = Field(
        default=Duration(900),
        validate_default=True,
        ge=_SECOND,
        le=_DAY,
        description="The delay never grows beyond this.",
    )
    forget: Duration = Field(
        default=_DAY, ge=_MINUTE, le=Duration(31_536_000), description="Failures older than this are forgotten."
    )
    per_address_factor: int = Field(
        default=10, ge=1, le=10_000, description="One address may fail this many times as often as one user."
    )

    @field_validator("longest_delay")
    @classmethod
    def _not_below_first(cls, longest: Duration, info: ValidationInfo) -> Duration:
        return _not_below("first_delay", longest, info)


class LimitsConfig(Section):
    """The largest of everything that a client can send."""

    xml_body: Size = Field(default=_MIB, ge=4 * _KIB, le=64 * _MIB, description="Largest XML request body.")
    properties: int = Field(
        default=200, ge=1, le=10_000, description="Dead properties that one file or folder may have."
    )
    property_size: Size = Field(default=64 * _KIB, ge=_KIB, le=_MIB, description="Largest dead property, as XML.")
    depth: int = Field(default=64, ge=2, le=1024, description="Names in one path, the space's own included.")
    path: Size = Field(default=4 * _KIB, ge=256, le=64 * _KIB, description="Longest path in bytes of UTF-8.")
    name: Size = Field(default=255, ge=32, le=_KIB, description="Longest name of a file or folder in bytes of UTF-8.")
    upload: Size | None = Field(
        default=None, ge=1, description="Largest file; null for no limit but the quota and the disk."
    )


class QuotaConfig(Section):
    """How much may be stored."""

    space: Size | None = Field(default=None, ge=1, description="Quota that a new space starts with; null for none.")


class WatchConfig(Section):
    """What is watched while the service runs."""

    storage: bool = Field(
        default=True, description="Whether what others do to blobs, databases, keys and targets is an alarm."
    )
    configuration: bool = Field(
        default=True, description="Whether an edited configuration, or a renewed certificate, is applied by itself."
    )


class LogConfig(Section):
    """What is written to standard error, which systemd keeps in its journal."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is written."
    )
    format: Literal["text", "json"] = Field(default="text", description="Lines for people, or one JSON object a line.")


def _not_below(other: str, value: Duration, info: ValidationInfo) -> Duration:
    if other in info.data and value < info.data[other]:
        raise PydanticCustomError(
            "order",
            "is shorter than {other} ({length}); make it at least as long",
            {"other": other, "length": str(info.data[other])},
        )
    return value
