"""The TLS side of the server."""

import ssl
from pathlib import Path

from docstopd.errors import ConfigurationError

# TLS 1.2 with forward secrecy and AEAD only; TLS 1.3 has nothing else.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The context for all connections, from two PEM files. Raises ConfigurationError."""
    # Not ssl.create_default_context, which writes every session's secrets to $SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        problem = f"tls: cannot use certificate {certificate} with key {key}: {error}"
        raise ConfigurationError([f"{problem}; check that both are PEM, readable and belong together"]) from error
    return context


def _no_password() -> str:
    """Asked for an encrypted key; OpenSSL would otherwise prompt on the terminal of a daemon."""
    raise ValueError("the key is encrypted")
