"""From a YAML file to a `Config`, or to all of its problems."""

from pathlib import Path

from pydantic import ValidationError

from docstopd.config.config import Config
from docstopd.config.document import Problem, place_of_decode_error, read_document
from docstopd.config.problems import found_by, rendered
from docstopd.errors import ConfigurationError


def load(path: Path) -> Config:
    """Read the file at `path`. Raises `ConfigurationError` with every problem, also when it cannot be read."""
    return parse(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of the file at `path`. Raises `ConfigurationError` when it cannot be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError([f"{path}: there is no such file; make one with `docstopd init`"]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise ConfigurationError([f"{path}: cannot be read ({reason}); check the path and its permissions"]) from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = Problem(place_of_decode_error(error), (), "is not UTF-8; save the file in UTF-8")
        raise ConfigurationError(rendered(path, [problem])) from None


def parse(text: str, source: Path) -> Config:
    """Read YAML; `source` is named in messages, and its folder is what relative paths start from.

    Raises `ConfigurationError` with every problem, in the order of the file.
    """
    document = read_document(text)
    problems = list(document.problems)
    if not problems or document.data:
        try:
            config = Config.model_validate(document.data, context={"folder": source.absolute().parent})
        except ValidationError as error:
            problems += found_by(error, Config, document)
    if problems:
        raise ConfigurationError(rendered(source, problems))
    return config
