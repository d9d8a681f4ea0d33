"""Where files lie: paths relative to the configuration's folder, and systemd credentials for those that are secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from docstopd.errors import ConfigurationError

_CREDENTIAL = "credential:"
_CREDENTIAL_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file named by its path, or by the systemd credential (`credential:NAME`) that holds it.

    A credential has a path only inside the service it was passed to, so it is looked up when the file is read and not
    when the configuration is: `docstopd config check` works anywhere.
    """

    written: str

    def __str__(self) -> str:
        return self.written

    @property
    def credential(self) -> str | None:
        """The credential's name, None for a file named by its path."""
        return self.written.removeprefix(_CREDENTIAL) if self.written.startswith(_CREDENTIAL) else None

    def locate(self, environment: Mapping[str, str]) -> Path:
        """Give the path to read; `environment` is the process's own.

        Raises `ConfigurationError` for a credential outside of a service that was passed it.
        """
        if self.credential is None:
            return Path(self.written)
        folder = environment.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise ConfigurationError(
                [
                    f"{self.written}: there are no credentials here ($CREDENTIALS_DIRECTORY is not set); start docstopd"
                    f" by its systemd unit with LoadCredential={self.credential}:PATH, or write the path instead"
                ]
            )
        return Path(folder) / self.credential


def parse_path(written: object, info: ValidationInfo) -> Path:
    """Make a path absolute, from the folder that the validation's context names `folder`."""
    if isinstance(written, Path):
        return written
    if not isinstance(written, str) or not written or not written.isprintable():
        raise PydanticCustomError("path", "is not a path; write it as text, such as /var/lib/docstopd")
    if written.startswith("~"):
        raise PydanticCustomError("path", "starts with ~, which depends on who starts docstopd; write it in full")
    folder: Path = (info.context or {}).get("folder", Path.cwd())
    return folder / written


def parse_secret_file(written: object, info: ValidationInfo) -> SecretFile:
    """Read a path, made absolute, or `credential:NAME`."""
    if isinstance(written, SecretFile):
        return written
    if not isinstance(written, str) or not written.startswith(_CREDENTIAL):
        return SecretFile(str(parse_path(written, info)))
    if not _CREDENTIAL_NAME.fullmatch(written.removeprefix(_CREDENTIAL)):
        raise PydanticCustomError("path", "names no credential; write credential:NAME with letters, digits, . _ and -")
    return SecretFile(written)


AbsolutePath = Annotated[
    Path, BeforeValidator(parse_path), PlainSerializer(str), WithJsonSchema({"type": "string", "minLength": 1})
]
"""A path, absolute once it is read."""

SecretFilePlace = Annotated[
    SecretFile,
    PlainValidator(parse_secret_file),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
"""A path or `credential:NAME`."""
