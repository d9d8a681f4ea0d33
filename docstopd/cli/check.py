"""`docstopd check`: is everything as it should be, and what to do where it is not."""

from dataclasses import asdict

import typer

from docstopd.cli.check_drops import drop_folders
from docstopd.cli.checks import CHECKS, Finding
from docstopd.cli.codes import FAILED
from docstopd.cli.options import NOT_GIVEN, ConfigFile, Json
from docstopd.cli.output import show_table
from docstopd.config import load
from docstopd.errors import ConfigurationError


def check(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """Look at configuration, keys, databases, jobs, disk, port, certificate and clock; exit code 1 when one fails.

    Example: docstopd check --config /etc/docstopd/docstopd.yaml
    """
    try:
        settings = load(config)
    except ConfigurationError as error:
        findings = [Finding("configuration", "failed", problem, "correct the file") for problem in error.problems]
    else:
        findings = [Finding("configuration", "ok", str(config))]
        findings += [finding for look in (*CHECKS, drop_folders) for finding in look(settings)]
    show_table([asdict(finding) for finding in findings], ["check", "state", "found", "remedy"], as_json=json)
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(FAILED)
