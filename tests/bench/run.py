"""Compare docstopd with other WebDAV servers on this machine.

docstopd runs without TLS with two workers; the others as they come, and only where they are installed: plain WsgiDAV
on cheroot with ten threads, copyparty (`pip install copyparty`), Apache's mod_dav (Debian's apache2-bin), and
`rclone serve webdav`, of a plain folder and over crypt. docstopd encrypts, checks a password and has written to the
disk what it has answered for; the others do none of the three (crypt encrypts).

Each workload goes to each server in turn, for several rounds, each round beginning with another server; the figure is
the median. Four keep-alive connections, one process that makes the load. Bytes and numbers of members are checked.

The table's last columns are docstopd's rate divided by the best peer's, by the best that copies through user space
(Apache and copyparty answer GET with sendfile, which no encrypting server can) and by plain WsgiDAV's. Peak memory is
the sum of the peaks of all its processes, and the largest single one.

    python tests/bench/run.py                                  all of it, about twenty minutes
    python tests/bench/run.py --quick                          one short round, to see that it runs
    python tests/bench/run.py --only put-4k,get-4k --servers docstopd,copyparty --rounds 3
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

# This program runs outside pytest, which would put the folder on the path.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import servers
import workloads
from report import OURS, Results

ROUNDS = 5
SECONDS = 3.0
LARGE = 512


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 0 when docstopd did all of it, 1 when it failed at some, 2 for a wrong option."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds, options.large = 1, 0.5, 16
    with tempfile.TemporaryDirectory(prefix="docstopd-bench-", dir=options.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)  # Apache's workers are another user
        results = _compare(folder, options)
    print(json.dumps(results.as_object(), indent=2) if options.json else results.as_table())
    return 1 if any(failure.startswith(f"{OURS}: ") for failure in results.failures) else 0


def _compare(folder: Path, options: argparse.Namespace) -> Results:
    large, digest = workloads.large_file(folder, options.large << 20)
    scale = workloads.Scale(options.seconds, options.connections, large, options.large << 20, digest)
    failures: list[str] = []
    with contextlib.ExitStack() as stack:
        running = list(_started(folder, options.servers, scale, failures, stack))
        rates: dict[str, dict[str, list[float]]] = {only: {s.name: [] for s in running} for only in options.only}
        for workload in options.only:
            for turn in range(options.rounds):
                first = turn % max(1, len(running))
                for server in running[first:] + running[:first]:
                    _measure(workload, server, scale, turn, rates[workload][server.name], failures)
        memory = {server.name: server.peak_memory() for server in running}
    return Results(
        machine=f"{servers.machine()}; {_conditions(options)}",
        servers={server.name: server.what for server in running},
        sendfile=frozenset(server.name for server in running if server.sendfile),
        rates=rates,
        memory=memory,
        failures=failures,
    )


def _conditions(options: argparse.Namespace) -> str:
    return f"median of {options.rounds}, {options.connections} connections, large file {options.large} MiB"


def _started(
    folder: Path, names: Sequence[str], scale: workloads.Scale, failures: list[str], stack: contextlib.ExitStack
) -> Iterator[servers.Server]:
    """Start and fill the servers that are installed."""
    for name in names:
        own = folder / name
        own.mkdir(mode=0o755)
        try:
            server = stack.enter_context(servers.SERVERS[name](own))
            _say(f"{name}: filling it")
            workloads.prepare(server, scale)
        except servers.NotInstalled as missing:
            _say(f"{name}: left out, {missing}")
        except (AssertionError, OSError, workloads.Wrong) as error:
            _fail(f"{name}: does not start: {error}", failures)
        else:
            yield server


def _measure(
    workload: str, server: servers.Server, scale: workloads.Scale, turn: int, rates: list[float], failures: list[str]
) -> None:
    try:
        rates.append(workloads.measure(workload, server, scale, turn))
        _say(f"{workload} {turn + 1}: {server.name} {rates[-1]:,.0f}/s")
    except (AssertionError, OSError, workloads.Wrong) as error:
        _fail(f"{server.name}: {workload}: {error}", failures)


def _fail(what: str, failures: list[str]) -> None:
    failures.append(what)
    _say(what)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each workload (default {ROUNDS})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"of each measurement of small requests (default {SECONDS:.0f})"
    )
    parser.add_argument("--connections", type=int, default=4, help="at once (default 4)")
    parser.add_argument("--large", type=int, default=LARGE, help=f"MiB of the large file (default {LARGE})")
    parser.add_argument(
        "--only",
        type=_among(workloads.WORKLOADS),
        default=list(workloads.WORKLOADS),
        help="workloads, separated by commas: " + ", ".join(workloads.WORKLOADS),
    )
    parser.add_argument(
        "--servers",
        type=_among(servers.SERVERS),
        default=[name for name in servers.SERVERS if name != "docstopd-unread"],
        help="servers, separated by commas: " + ", ".join(servers.SERVERS),
    )
    parser.add_argument("--quick", action="store_true", help="one round of half a second, a large file of 16 MiB")
    parser.add_argument(
        "--folder", help="where the servers keep their data, on the disk to be measured (default: the temporary one)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of the table")
    return parser


def _among(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Reads names separated by commas and refuses those that are not `known`."""

    def names(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := set(asked) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
        return asked

    return names


if __name__ == "__main__":
    sys.exit(main())
