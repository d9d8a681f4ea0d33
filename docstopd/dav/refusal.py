"""Refusals that only HTTP knows, beside those of the error tree."""

from docstopd.errors import Refused


class Refusal(Refused):
    """This request gets `status`, `headers` and, where RFC 4918 section 16 names one, a condition element (its XML)."""

    def __init__(
        self, status: int, message: str, *, condition: str = "", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.condition = condition
        self.headers = headers


def bad_request(message: str) -> Refusal:
    """400: the request breaks the syntax of what it uses."""
    return Refusal(400, message)
