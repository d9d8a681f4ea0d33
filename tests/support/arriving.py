"""Contents that arrive in a vault while their space is locked."""

from vaults import Bench

THEN = 1_600_000_000_000_000
"""What sources say of when their contents were made."""


def arrive(
    bench: Bench, label: str, path: tuple[str, ...], content: bytes, identity: bytes = b"", modified: int = THEN
) -> bytes:
    """Take one content in; its mark."""
    with bench.vault.arrivals.begin(label, path, modified, "scanner") as intake:
        intake.write(content)
        return intake.commit(identity or repr(path).encode())


def waiting(bench: Bench) -> int:
    """How many arrivals there are in all spaces."""
    return int(bench.rows("SELECT count(*) FROM arrivals")[0][0])
