"""The files in `config/` say what the program does."""

import json
from pathlib import Path

import yaml

from docstopd.config import Config, default, load, schema

FOLDER = Path(__file__).parents[3] / "config"


def fields_of(model: type[Config]) -> dict[str, list[str]]:
    """The model's keys, and those of each section."""
    return {name: list(getattr(field.annotation, "model_fields", ())) for name, field in model.model_fields.items()}


def test_the_full_file_holds_every_default() -> None:
    """Reading it changes nothing."""
    assert load(FOLDER / "docstopd.yaml") == default()


def test_the_full_file_names_every_key_in_the_order_of_the_model() -> None:
    """A new key must be written there."""
    written = yaml.safe_load((FOLDER / "docstopd.yaml").read_text("utf-8"))
    assert {name: list(value) if isinstance(value, dict) else [] for name, value in written.items()} == fields_of(
        Config
    )


def test_the_full_file_explains_every_key() -> None:
    """Each key stands under a comment of its own."""
    lines = (FOLDER / "docstopd.yaml").read_text("utf-8").splitlines()
    keys = [number for number, line in enumerate(lines) if line.strip() and not line.strip().startswith("#")]
    assert [lines[number] for number in keys if not lines[number - 1].strip().startswith("#")] == []


def test_the_minimal_file_loads() -> None:
    """It is what a service on the network needs."""
    assert load(FOLDER / "docstopd.minimal.yaml").http.address == "0.0.0.0"


def test_the_published_schema_is_the_programs() -> None:
    """Editors check what the program checks."""
    assert json.loads((FOLDER / "docstopd.schema.json").read_text("utf-8")) == schema()


def test_the_schema_describes_every_key() -> None:
    """Hovering over a key shows its manual."""
    made = schema()
    definitions = made["$defs"].values()
    undescribed = [
        name for section in definitions for name, field in section["properties"].items() if "description" not in field
    ]
    assert undescribed == []
    assert all("description" in section for section in definitions)


def test_the_schema_refuses_unknown_keys_and_asks_for_data_alone() -> None:
    """At every level."""
    made = schema()
    assert made["required"] == ["data"]
    needs = {name for name, section in made["$defs"].items() if "required" in section}
    assert needs == {"ClassConfig", "DropConfig", "TargetConfig"}  # the items of lists
    assert all(section["additionalProperties"] is False for section in (made, *made["$defs"].values()))


def test_every_default_lies_within_its_own_bounds() -> None:
    """Pydantic does not check defaults by itself."""
    written = yaml.safe_load(default().model_dump_json(exclude={"http": {"workers"}}))
    assert Config.model_validate(written) == default()
