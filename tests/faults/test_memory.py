"""What listings cost in memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from vaults import open_bench

from docstopd.vault.change import Change

MEMBERS = 10_000
MOST = 100 << 20


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured by Linux' /proc")
def test_ten_thousand_members_are_listed_within_100_mib(tmp_path: Path) -> None:
    """All answers together, the two that are kept for the next time included; a member is under 1 KiB of each."""
    bench = open_bench(tmp_path)
    ada = bench.account("ada")
    bench.vault.files.make_folder(ada, ("ada", "many"))

    def fill(change: Change) -> None:
        parent = change.parent(("ada", "many", "x"))
        for number in range(MEMBERS):
            name = f"A member with a name of ordinary length {number:06}.docx"
            row = change.make(parent[-1], name, folder=False)
            seq = change.record("create", row.id, ("ada", "many", name), {"size": 0})
            change.save(row._replace(seq=seq, blob=number.to_bytes(16, "big")), name, new=True)
        change.touch_members(parent, seq)

    bench.vault.files._changes.run(ada, "ada", fill)
    bench.vault.close()
    support = Path(__file__).parents[1] / "support"
    finished = subprocess.run(
        [sys.executable, str(support / "listing_memory.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(support), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(finished.stdout.splitlines()[-1])
    assert len(measured) == 4
    for name, each in measured.items():
        assert each["responses"] == MEMBERS + 1, name
        assert each["grown"] < MOST, f"{name}: {each['grown'] >> 20} MiB"
