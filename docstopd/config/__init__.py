"""The configuration: YAML in, frozen records out, or every problem at once with its line.

Nothing here holds a secret: secrets are named by path or systemd credential and read by who needs them.
"""

from docstopd.config.config import Config, default
from docstopd.config.droppath import fill_drop_path
from docstopd.config.duration import Duration
from docstopd.config.load import load, parse, read_text
from docstopd.config.place import SecretFile
from docstopd.config.schedule import Schedule
from docstopd.config.schema import schema
from docstopd.config.sections import HttpConfig, KeysConfig, LogConfig
from docstopd.config.sections_of_audit import syslog_parts
from docstopd.config.sections_of_drops import DropConfig
from docstopd.config.sections_of_time import ClassConfig, KeepConfig, TargetConfig
from docstopd.config.write import Minimal, render_minimal

__all__ = [
    "ClassConfig",
    "Config",
    "DropConfig",
    "Duration",
    "HttpConfig",
    "KeepConfig",
    "KeysConfig",
    "LogConfig",
    "Minimal",
    "Schedule",
    "SecretFile",
    "TargetConfig",
    "default",
    "fill_drop_path",
    "load",
    "parse",
    "read_text",
    "render_minimal",
    "schema",
    "syslog_parts",
]
