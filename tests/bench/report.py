"""The results: medians, ratios, the table for people and the object for programs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

OURS = "docstopd"
BASE = "wsgidav"
MEGABYTE = 1_000_000
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Results:
    """`rates[workload][server]` lists every round's rate, nothing where it failed; `memory[server]` is in bytes."""

    machine: str
    servers: Mapping[str, str]
    sendfile: frozenset[str]
    rates: Mapping[str, Mapping[str, list[float]]]
    memory: Mapping[str, Mapping[str, int]]
    failures: list[str]

    def medians(self, workload: str) -> dict[str, float]:
        """Each server's median, where it has one."""
        return {server: median(rates) for server, rates in self.rates[workload].items() if rates}

    def ratios(self, workload: str) -> dict[str, float | None]:
        """Ours to the best peer's, to the best that copies through user space, and to plain WsgiDAV's."""
        medians = self.medians(workload)
        peers = {server: rate for server, rate in medians.items() if server != OURS}
        copying = {server: rate for server, rate in peers.items() if server not in self.sendfile}
        ours = medians.get(OURS)

        def to(rates: Iterable[float]) -> float | None:
            best = max(rates, default=0.0)
            return ours / best if ours and best else None

        return {
            "best_peer": to(peers.values()),
            "best_copying_peer": to(copying.values()),
            "wsgidav": to(rate for server, rate in peers.items() if server == BASE),
        }

    def as_object(self) -> dict[str, Any]:
        """All of it, for `--json`. Rates are requests per second, of `put-large` and `get-large` bytes per second."""
        workloads = {
            workload: {"rounds": rounds, "median": self.medians(workload), "ratio": self.ratios(workload)}
            for workload, rounds in self.rates.items()
        }
        return {
            "machine": self.machine,
            "servers": self.servers,
            "workloads": workloads,
            "peak_memory": self.memory,
            "failures": self.failures,
        }

    def as_table(self) -> str:
        """One table: a row for each workload, a column for each server, then the three ratios."""
        names = list(self.servers)
        rows = [["", *names, "/best", "/best copying", f"/{BASE}"]]
        for workload in self.rates:
            medians = self.medians(workload)
            figures = [_figure(workload, medians.get(name)) for name in names]
            rows.append([_title(workload), *figures, *map(_ratio, self.ratios(workload).values())])
        for kind, title in (("sum", "peak memory, all processes, MiB"), ("largest", "peak memory, largest one, MiB")):
            figures = [f"{self.memory[name][kind] / MEBIBYTE:.0f}" if name in self.memory else "-" for name in names]
            rows.append([title, *figures, "", "", ""])
        told = [f"{name}: {what}" for name, what in self.servers.items()]
        return "\n".join([self.machine, *told, "", *_aligned(rows), *self.failures])


def _title(workload: str) -> str:
    return f"{workload}, {'MB/s' if workload.endswith('large') else 'requests/s'}"


def _figure(workload: str, rate: float | None) -> str:
    if rate is None:
        return "-"
    value = rate / MEGABYTE if workload.endswith("large") else rate
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
