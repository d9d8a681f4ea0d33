"""The limits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TripwirePolicy:
    """How much one user may do in one space within `window` seconds; None is no limit.

    `read_only`: an alarm makes the space read-only.
    """

    window: float = 300.0
    overwrites: int | None = 500
    deletes: int | None = 1000
    raised: int | None = 50
    read_only: bool = False

    @property
    def off(self) -> bool:
        """Whether there is no limit at all."""
        return self.overwrites is self.deletes is self.raised is None
