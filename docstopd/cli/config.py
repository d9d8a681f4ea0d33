"""`docstopd config`: is it right, and what can it say."""

import typer

from docstopd.cli.options import NOT_GIVEN, ConfigFile
from docstopd.cli.output import say, show_json
from docstopd.config import schema as json_schema
from docstopd.daemon.loaded import Loaded

app = typer.Typer(no_args_is_help=True, help="The configuration: check it, describe it.", rich_markup_mode=None)


@app.command()
def check(config: ConfigFile = NOT_GIVEN) -> None:
    """Report everything that is wrong with a configuration, each with its line.

    Example: docstopd config check --config docstopd.yaml
    """
    Loaded.read(config)
    say(f"{config}: nothing is wrong")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration: every key, its default and its meaning.

    Example: docstopd config schema > docstopd.schema.json
    """
    show_json(json_schema())
