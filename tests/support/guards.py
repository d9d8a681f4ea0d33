"""Guards of what destroys, for tests of something else."""

from docstopd.errors import Refused


class NoGuard:
    """The clock is never in doubt."""

    def may_destroy(self) -> None:
        pass

    def may_go_on(self) -> None:
        pass


class Doubting:
    """It is, `after` so many questions."""

    def __init__(self, after: int = 0) -> None:
        self._left = after

    def may_destroy(self) -> None:
        if self._left == 0:
            raise Refused("the clock has jumped")
        self._left -= 1

    may_go_on = may_destroy
