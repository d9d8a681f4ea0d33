"""The search for remains: nothing that is there is missed, wherever it lies."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docstopd.db import traces

CHUNK = 64


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.parametrize("few", [0, 500], ids=["many at once", "each alone"])
@given(
    filler=st.binary(max_size=400),
    planted=st.lists(st.tuples(st.binary(min_size=8, max_size=40), st.integers(0, 400)), max_size=4),
    absent=st.lists(st.binary(min_size=12, max_size=12), max_size=4),
)
def test_what_is_planted_is_found_and_nothing_else(
    filler: bytes,
    planted: list[tuple[bytes, int]],
    absent: list[bytes],
    few: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Across the borders of what is read at once, at every offset, for few traces as for many."""
    monkeypatch.setattr(traces, "_CHUNK", CHUNK)
    monkeypatch.setattr(traces, "_FEW", few)
    content = filler
    for trace, at in planted:
        content = content[:at] + trace + content[at:]
    path = tmp_path / "file"
    path.write_bytes(content)
    wanted = {trace for trace, _ in planted} | set(absent)
    assert traces.search([path, tmp_path / "none"], wanted) == {trace for trace in wanted if trace in content}
