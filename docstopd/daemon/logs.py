"""Logging to standard error, once per process: lines for people, or one JSON object a line."""

import json
import logging
import sys
import time

from docstopd.config import LogConfig

_TIME = "%Y-%m-%dT%H:%M:%S"
_LINE = "%(asctime)s.%(msecs)03dZ %(levelname)s [%(process)d] %(message)s"


def configure_logs(config: LogConfig) -> None:
    """Send all records of `level` and above to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonLines() if config.format == "json" else logging.Formatter(_LINE, _TIME)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=config.level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


class JsonLines(logging.Formatter):
    """One object a line: time, level, process, source, message, and error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line = {
            "time": f"{self.formatTime(record, _TIME)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": record.process,
            "source": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
