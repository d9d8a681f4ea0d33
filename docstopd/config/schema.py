"""The JSON Schema of the configuration, for editors."""

from typing import Any
from zoneinfo import ZoneInfo

from pydantic.json_schema import GenerateJsonSchema

from docstopd.config.config import Config
from docstopd.config.duration import Duration
from docstopd.config.schedule import Schedule


class _Generator(GenerateJsonSchema):
    """Writes defaults as the file does."""

    def encode_default(self, dft: Any) -> Any:
        return str(dft) if isinstance(dft, Duration | Schedule | ZoneInfo) else super().encode_default(dft)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12). Bounds of durations and sizes are checked by docstopd alone."""
    made = Config.model_json_schema(schema_generator=_Generator)
    for section in (made, *made["$defs"].values()):
        section.pop("title")
        section["properties"] = {name: _cleaned(field) for name, field in section["properties"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "docstopd configuration",
        **made,
    }


def _cleaned(field: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in field:
        # A section may be empty (all of its keys commented out), and its default is in its fields.
        told = {"description": field["description"]} if "description" in field else {}
        return told | {"anyOf": [{"$ref": field["$ref"]}, {"type": "null"}]}
    # `ge` and `le` are no words of JSON Schema: pydantic leaves them there for types of our own.
    return {word: value for word, value in field.items() if word not in ("title", "ge", "le")}
