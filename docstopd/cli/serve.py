"""`docstopd serve`."""

from docstopd.cli.options import NOT_GIVEN, ConfigFile
from docstopd.daemon import serve as run


def serve(config: ConfigFile = NOT_GIVEN) -> None:
    """Serve until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.

    Example: docstopd serve --config /etc/docstopd/docstopd.yaml
    """
    run(config)
