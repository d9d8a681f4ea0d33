"""Addresses, networks and public names, checked as far as they can be without asking a resolver."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\]", re.ASCII)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a listener on `address`."""
    return address == "localhost" or ip_address(address).is_loopback


def _checked_address(address: str) -> str:
    # A name could stand for another address tomorrow, and the rule on cleartext rests on what is bound.
    if address != "localhost":
        try:
            ip_address(address)
        except ValueError:
            raise PydanticCustomError(
                "address", "is not an address; write an IP address such as 127.0.0.1, 0.0.0.0 or ::, or localhost"
            ) from None
    return address


def _parse_network(written: object) -> IPv4Network | IPv6Network:
    if isinstance(written, IPv4Network | IPv6Network):
        return written
    text = written if isinstance(written, str) else ""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise PydanticCustomError("network", "is not a network; write one such as 10.0.0.0/8 or fd00::/8") from None
    if ip_address(text.partition("/")[0]) != network.network_address:
        # Half of those who write 10.0.0.7/8 mean the host: believing a whole network by mistake is the worse error.
        raise PydanticCustomError(
            "network",
            "names both a network and a host in it; write {network} for the network, or the address alone",
            {"network": str(network)},
        )
    return network


def _checked_public_name(name: str) -> str:
    try:
        parts = urlsplit(name if "://" in name else f"//{name}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    bare = parts.netloc.removesuffix(f":{port}")
    if (
        parts.scheme not in ("", "http", "https")
        or parts.path
        or "?" in name
        or "#" in name
        or not _HOST.fullmatch(bare)
    ):
        raise PydanticCustomError(
            "public_name",
            "is not a public name; write a host such as files.example.org, or https://files.example.org:8443",
        )
    return name


Address = Annotated[str, AfterValidator(_checked_address)]
"""An IP address, or `localhost`."""

Network = Annotated[
    IPv4Network | IPv6Network, PlainValidator(_parse_network), PlainSerializer(str), WithJsonSchema({"type": "string"})
]
"""An IP network, or one address."""

PublicName = Annotated[str, AfterValidator(_checked_public_name)]
"""A host, or an origin (scheme, host, port), as clients write it."""
