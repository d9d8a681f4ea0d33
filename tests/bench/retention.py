"""How long `retention plan` takes over many files, and how much memory: `python tests/bench/retention.py [FILES]`.

The catalog is filled past the vault: rows without names that anybody could read, which retention never looks at. A
tenth of the files is of a class, a tenth in the trash, each has three versions, and a hold covers a folder.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from vaults import START, Bench, Clock, open_bench

from docstopd.model import SECOND
from docstopd.vault import Policy
from docstopd.vault.retention import Keep, RetentionClass, RetentionPolicy, Schedule, Then

FILES, VERSIONS, FOLDERS = 100_000, 3, 1000
DAY = 86_400 * SECOND
POLICY = Policy(
    retention=RetentionPolicy(
        versions=Keep(last=1, daily=7, monthly=12),
        schedule=Schedule((RetentionClass("kept", ("**",), 365 * 86_400.0, then=Then.KEEP),)),
    )
)


def fill(bench: Bench, files: int) -> None:
    """Folders and files of one space, with a past."""
    bench.account("ada")
    space, root = bench.rows("SELECT id, root FROM spaces")[0]
    author = bench.rows("SELECT id FROM users")[0][0]
    first = root + 1

    def blob(node: int, version: int) -> bytes:
        return (node * VERSIONS + version).to_bytes(16, "big")

    def node(number: int) -> tuple[object, ...]:
        which = first + FOLDERS + number
        klass, deleted = ("kept" if number % 10 == 1 else None), (1 if number % 10 == 2 else None)
        parent, current = first + number % FOLDERS, blob(which, VERSIONS - 1)
        return which, space, parent, current, 1, 0, current, 100, 1, START, START, b"", deleted, klass

    def folder(number: int) -> tuple[object, ...]:
        return first + number, space, root, b"%d" % number, 1, 1, b"", 0, 1, START, START, b"", None, None

    versions = [
        (first + FOLDERS + n, blob(first + FOLDERS + n, v), space, 100, 300, b"", START, START + v * 3 * DAY, author, 1)
        for n in range(files)
        for v in range(VERSIONS)
    ]
    marks = ", ".join("?" * 14)
    columns = "id, space, parent, name, epoch, folder, blob, size, seq, created, modified, proof, deleted, class"
    bench.stores.catalog.write(
        lambda rows: [
            rows.many(
                f"INSERT INTO nodes ({columns}) VALUES ({marks})",
                [*map(folder, range(FOLDERS)), *map(node, range(files))],
            ),
            rows.many(
                "INSERT INTO versions (node, blob, space, size, stored, digest, modified, received, author, born)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                versions,
            ),
        ]
    )
    bench.vault.holds.on_node(first, "case", confidential=False)


def main() -> None:
    """Fill, plan, and say what it took."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    with tempfile.TemporaryDirectory() as folder:
        if (pid := os.fork()) == 0:
            fill(open_bench(Path(folder), POLICY), files)
            os._exit(0)
        os.waitpid(pid, 0)
        bench = open_bench(Path(folder), POLICY, clock=Clock(START + 60 * DAY))
        before, worked = time.perf_counter(), time.process_time()
        plan = bench.vault.retention.plan()
        took, worked = time.perf_counter() - before, time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        gone, trees = plan.total("gone_versions"), plan.total("trees")
        print(f"{files} files: plan in {took:.2f} s ({worked:.2f} s of one processor), {peak:.0f} MiB")
        print(f"{gone} versions and {trees} trees would go")
        bench.vault.close()


if __name__ == "__main__":
    main()
