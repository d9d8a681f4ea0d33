"""Measure what slow clients cost the others.

docstopd runs with two workers and without TLS. Another client sends small requests one after the other, on several
keep-alive connections in turn: GET and PUT of 4 KiB, and PROPFIND with depth 0. It does so while nobody else is there,
and while slow clients upload and download one byte a second; the two alternate, so that whatever else the machine does
falls on both. The figure is the median latency under slow clients divided by the idle one. It should stay below two;
the program fails when it was above in every repeat. The minimum rate and the time-out of the body, which would end
the slow clients, are off.

    python tests/bench/slow.py                       about a minute
    python tests/bench/slow.py --clients 200 --json
"""

import argparse
import http.client
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

# This program runs outside pytest, which would put the folder on the path.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from configured import configured
from slow_clients import PATIENT, prepare, slow_clients
from webdav import Share

WORKERS = 2
CONNECTIONS = 4
LIMIT = 2.0
BODY = bytes(4096)
Latencies = dict[str, list[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0 when a repeat stayed below the limit for each kind of request, 1 when none did, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="docstopd-slow-", dir=options.folder) as folder:
        repeats = measure(Path(folder), options)
    print(json.dumps(repeats, indent=2) if options.json else as_table(repeats))
    return 1 if any(all(each[kind]["ratio"] > LIMIT for each in repeats) for kind in repeats[0]) else 0


def measure(folder: Path, options: argparse.Namespace) -> list[dict[str, dict[str, float]]]:
    """For each repeat and kind of request: the median latencies in milliseconds, their ratio, and the longest one."""
    with configured(folder, http={"workers": WORKERS, **PATIENT}) as running:
        share = Share(running.space_url, running.user, running.password)
        prepare(share)
        share.put("small", BODY)
        ask(share, 1.0, {})
        return [_repeat(share, options) for _ in range(options.repeats)]


def _repeat(share: Share, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    idle: Latencies = {}
    loaded: Latencies = {}
    for _ in range(options.turns):
        ask(share, options.seconds, idle)
        with slow_clients(share, options.clients, options.clients) as slow:
            ask(share, options.seconds, loaded)
            assert not slow.dead, slow.dead[:3]
    return {
        kind: {
            "idle_ms": statistics.median(idle[kind]) * 1000,
            "loaded_ms": statistics.median(loaded[kind]) * 1000,
            "ratio": statistics.median(loaded[kind]) / statistics.median(idle[kind]),
            "longest_ms": max(loaded[kind]) * 1000,
        }
        for kind in idle
    }


def ask(share: Share, seconds: float, latencies: Latencies) -> None:
    """Send the requests in turn and note in seconds how long each took."""
    where = urlsplit(share.url)
    headers = share.authorization()
    with ExitStack() as stack:
        connections = [http.client.HTTPConnection(where.hostname or "", where.port) for _ in range(CONNECTIONS)]
        for connection in connections:
            stack.callback(connection.close)
        kinds: dict[str, Callable[[http.client.HTTPConnection], None]] = {
            "GET 4 KiB": lambda on: on.request("GET", where.path + "small", headers=headers),
            "PUT 4 KiB": lambda on: on.request("PUT", where.path + "written", BODY, headers),
            "PROPFIND 0": lambda on: on.request("PROPFIND", where.path + "small", headers={**headers, "Depth": "0"}),
        }
        until = time.perf_counter() + seconds
        for connection, (kind, send) in zip(
            itertools.cycle(_each(connections, len(kinds))), itertools.cycle(kinds.items())
        ):
            began = time.perf_counter()
            send(connection)
            answer = connection.getresponse()
            answer.read()
            took = time.perf_counter() - began
            if answer.status not in {200, 201, 204, 207}:
                raise AssertionError(f"{kind} was answered {answer.status}")
            latencies.setdefault(kind, []).append(took)
            if began > until:
                return


def _each(connections: Sequence[http.client.HTTPConnection], times: int) -> list[http.client.HTTPConnection]:
    return [connection for connection in connections for _ in range(times)]


def as_table(repeats: list[dict[str, dict[str, float]]]) -> str:
    """The repeats below each other."""
    lines = ["repeat  request      idle ms  loaded ms  ratio  longest ms"]
    for number, repeat in enumerate(repeats, 1):
        lines += [
            f"{number:>6}  {kind:<10} {m['idle_ms']:>9.2f} {m['loaded_ms']:>10.2f} {m['ratio']:>6.2f} "
            f"{m['longest_ms']:>11.1f}"
            for kind, m in repeat.items()
        ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50, help="slow uploads, and as many downloads (default 50)")
    parser.add_argument("--repeats", type=int, default=3, help="of which one must stay below the limit (default 3)")
    parser.add_argument("--turns", type=int, default=3, help="idle and loaded measurements of a repeat (default 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement (default 2)")
    parser.add_argument("--folder", help="where docstopd keeps its data (default: the temporary folder)")
    parser.add_argument("--json", action="store_true", help="print a JSON list in place of the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
