"""A configuration as it was read at one moment, with its text, so that every worker starts from the same."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from docstopd.config import Config, parse, read_text
from docstopd.http import Settings, tls_context
from docstopd.watch.edits import Edits


@dataclass(frozen=True, slots=True)
class Loaded:
    """`text` was read from `path`; a worker that starts tomorrow parses it again, whatever the file says by then."""

    path: Path
    text: str
    config: Config

    @classmethod
    def read(cls, path: Path) -> "Loaded":
        """Read and check everything that can be checked without opening the stores. Raises ConfigurationError."""
        text = read_text(path)
        config = parse(text, path)
        open_tls(config)
        return cls(path, text, config)


def edits_of(path: Path, config: Config) -> Edits | None:
    """What tells that the configuration or its certificate was edited; None where nobody wants to know."""
    if not config.watch.configuration:
        return None
    certificate = [place.locate(os.environ) for place in (config.tls.certificate, config.tls.key) if place is not None]
    return Edits([path, *certificate])


def open_tls(config: Config) -> ssl.SSLContext | None:
    """The certificate, None for plain HTTP. Raises ConfigurationError."""
    if config.tls.certificate is None or config.tls.key is None:
        return None
    return tls_context(config.tls.certificate.locate(os.environ), config.tls.key.locate(os.environ))


def http_settings(config: Config) -> Settings:
    """What the HTTP server is told."""
    http = config.http
    return Settings(
        threads=http.threads,
        most_threads=http.most_threads,
        held_up_per_address=http.held_up_per_address,
        connections=http.connections,
        keep_alive=http.keep_alive.seconds,
        header_timeout=http.header_timeout.seconds,
        body_timeout=http.body_timeout.seconds,
        minimum_rate=http.minimum_rate,
        rate_window=http.minimum_rate_grace.seconds,
        max_header=http.max_header,
        max_uri=http.max_uri,
        trusted_proxies=http.trusted_proxies,
    )


def url_of(config: Config, port: int) -> str:
    """Where the service answers on this machine, with a slash at the end."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.http.address, config.http.address)  # noqa: S104  # compared
    host = f"[{address}]" if ":" in address else address
    return f"{'http' if config.tls.certificate is None else 'https'}://{host}:{port}/"
