"""The program of a worker process, `python -m docstopd.daemon.worker`; started by the supervisor only."""

import os
import sys

from docstopd.daemon.compose import open_service
from docstopd.daemon.process import EXIT_STATE_UNKNOWN
from docstopd.daemon.serving import main

if __name__ == "__main__":
    code = main(open_service, sys.argv[1:])
    if code == EXIT_STATE_UNKNOWN:
        sys.stderr.flush()
        os._exit(code)  # a thread may hang in the store that failed, and the others must stop now
    sys.exit(code)
