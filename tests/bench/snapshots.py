"""Snapshots and restores beside restic, on the same data; and what an unchanged snapshot of many files costs.

    python tests/bench/snapshots.py --folder /mnt/disk/bench [--files 20000 --size 107374] [--rounds 3] [--json FILE]
    python tests/bench/snapshots.py --folder /mnt/disk/bench --unchanged 100000

restic reads plain files and writes a repository; docstopd reads its encrypted blobs and writes a target, reads each
copy back from the medium, and restores into a data folder. Both end with everything durable: a restic run is followed
by one sync of the file system. The page cache is dropped before each run where that is allowed.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from snapshots import bench_with_target, named, restore_into, with_targets
from vaults import Bench

from docstopd.catalog import journal as entries
from docstopd.db import Rows
from docstopd.targets.local import LocalTarget
from docstopd.vault.journal import Journal, Seal

FOLDERS = 200


def fill(bench: Bench, files: int, size: int) -> None:
    """Files as the vault would have written them: random blobs, and rows of the usual sizes."""
    import hashlib

    ada = bench.account("ada")
    space = bench.vault.spaces.mine(ada)[0]
    journal = Journal(bench.stores.clock)
    blobs = []
    for number in range(files):
        blob, content = os.urandom(16), os.urandom(size)
        path = bench.blob_file(blob)
        path.write_bytes(content)
        path.chmod(0o400)
        blobs.append((blob, hashlib.sha256(content).digest()))
        if number % 5000 == 0:
            print(f"  {number} files", file=sys.stderr, flush=True)

    def work(rows: Rows) -> None:
        node = rows.one("SELECT max(id) FROM nodes")[0]  # type: ignore[index]
        folders = []
        columns = "id, space, parent, name, epoch, folder, blob, size, seq, created, modified, proof"
        marks = "?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?"
        for _ in range(FOLDERS):
            node += 1
            folders.append(node)
            row = (node, space.id, space.root, os.urandom(33), 1, b"", 0, 1, 10**15, 10**15, os.urandom(16))
            rows.run(f"INSERT INTO nodes ({columns}) VALUES ({marks})", *row)
        for number, (blob, digest) in enumerate(blobs):
            node += 1
            parent = folders[number % FOLDERS]
            seal = Seal(
                os.urandom(32),
                1,
                {"path": f"ada/folder-{parent}/file-{number}", "address": "10.0.0.1", "agent": "bench"},
            )
            seq = journal.append(
                rows,
                space.id,
                "create",
                actor=ada.user.id,
                node=node,
                facts={"size": size, "blob": blob.hex()},
                seal=seal,
            )
            row = (node, space.id, parent, os.urandom(33), 0, blob, size, seq, 10**15, 10**15, os.urandom(16))
            rows.run(f"INSERT INTO nodes ({columns}) VALUES ({marks})", *row)
            rows.run(
                "INSERT INTO versions (node, blob, space, size, stored, digest, modified, received, author, born)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                node,
                blob,
                space.id,
                size,
                size,
                digest,
                10**15,
                10**15,
                ada.user.id,
            )

    bench.stores.catalog.write(work)
    with bench.stores.catalog.read() as rows:
        assert entries.head(rows, space.id)[0] > files
    for start in range(0, files, 5000):
        bench.stores.keyring.put_data_keys(
            space.id, 1, {blob: os.urandom(61) for blob, _ in blobs[start : start + 5000]}
        )  # type: ignore[misc]


@contextlib.contextmanager
def timed(times: list[float]) -> Iterator[None]:
    """Seconds of the block, from an empty page cache, to everything durable."""
    os.sync()
    with contextlib.suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("3")
    begun = time.monotonic()
    yield
    times.append(time.monotonic() - begun)


def restic(repository: Path, *arguments: str) -> None:
    environment = {
        **os.environ,
        "RESTIC_REPOSITORY": str(repository),
        "RESTIC_PASSWORD": "bench",
        "RESTIC_CACHE_DIR": str(repository.parent / "cache"),
    }
    subprocess.run(["restic", "--quiet", *arguments], env=environment, check=True)


def beside_restic(folder: Path, files: int, size: int, rounds: int) -> dict[str, object]:
    """Seconds of each, in turns, and the ratios of the medians."""
    bench = bench_with_target(folder / "ours")
    print("filling", file=sys.stderr)
    fill(bench, files, size)
    plain = bench.folder / "blobs"  # restic is given the very same bytes
    found: dict[str, list[float]] = {name: [] for name in ("snapshot", "restic_backup", "restore", "restic_restore")}
    for number in range(rounds):
        place = folder / f"round-{number}"
        place.mkdir()
        target = LocalTarget(place / "target")
        once = with_targets(bench, named(f"round-{number}", target))
        with timed(found["snapshot"]):
            once.vault.snapshots.create()
        repository = place / "restic"
        restic(repository, "init")
        with timed(found["restic_backup"]):
            restic(repository, "backup", str(plain))
            os.sync()
        with timed(found["restore"]):
            restore_into(bench, target, place / "restored")
        with timed(found["restic_restore"]):
            restic(repository, "restore", "latest", "--target", str(place / "from-restic"))
            os.sync()
        print({name: round(times[-1], 2) for name, times in found.items()}, file=sys.stderr, flush=True)
        shutil.rmtree(place)
    median = {name: statistics.median(times) for name, times in found.items()}
    return {
        "files": files,
        "bytes": files * size,
        "seconds": found,
        "snapshot_ratio": round(median["restic_backup"] / median["snapshot"], 2),
        "restore_ratio": round(median["restic_restore"] / median["restore"], 2),
    }


def unchanged(folder: Path, files: int) -> dict[str, object]:
    """Seconds and memory of a snapshot in which nothing has changed."""
    bench = bench_with_target(folder / "many")
    print("filling", file=sys.stderr)
    fill(bench, files, 100)
    bench.vault.snapshots.create()
    times: list[float] = []
    child = os.fork()
    if not child:  # a process of its own, whose peak is that of the run
        before = time.process_time()
        with timed(times):
            report = bench.vault.snapshots.create()
        busy = time.process_time() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        catalog = max(path.stat().st_size for path in (folder / "many" / "target" / "snapshots").iterdir())
        print(
            json.dumps(
                {
                    "files": files,
                    "seconds": round(times[0], 2),
                    "cpu_seconds": round(busy, 2),
                    "peak_mib": peak,
                    "copied": report["copied"],
                    "catalog_bytes": catalog,
                }
            )
        )
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
    return {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=107_374)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--unchanged", type=int)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True)
    (given.folder / ("many" if given.unchanged else "ours")).mkdir()
    try:
        work: Callable[[], dict[str, object]] = (
            (lambda: unchanged(given.folder, given.unchanged))
            if given.unchanged
            else lambda: beside_restic(given.folder, given.files, given.size, given.rounds)
        )
        found = work()
        if found:
            print(json.dumps(found, indent=2))
        if given.json:
            given.json.write_text(json.dumps(found))
    finally:
        shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
