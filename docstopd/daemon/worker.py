"""The program of a worker process, `python -m docstopd.daemon.worker`; started by the supervisor only."""

import sys

from docstopd.daemon.child import leave
from docstopd.daemon.compose import open_service
from docstopd.daemon.serving import main

if __name__ == "__main__":
    leave(main(open_service, sys.argv[1:]))
