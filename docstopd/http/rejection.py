"""Requests that are answered before the application sees them."""

_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}


class Rejection(Exception):
    """The connection's bytes are no request that is served; answer `status` and close."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def line(self) -> str:
        """The status line's code and reason."""
        return f"{self.status} {_REASONS[self.status]}"
