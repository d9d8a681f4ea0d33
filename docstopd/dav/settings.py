"""What of the configuration the WebDAV front needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and limits; sizes in bytes, `depth` in path segments below `/dav/`, lock times in seconds;
    `lock_owner` in characters, no more than the vault keeps.

    `public_names` are the names under which people reach this service ("files.example.org", with a port or a scheme
    where they have one); a Destination may name any of them. `upload` None means no limit but the quota.
    """

    public_names: tuple[str, ...] = ()
    xml_body: int = 1 << 20
    properties: int = 200
    property_size: int = 64 << 10
    depth: int = 64
    path: int = 4096
    name: int = 255
    upload: int | None = None
    lock_owner: int = 4096
    lock_shortest: int = 180
    lock_default: int = 600
    lock_longest: int = 86_400
    realm: str = "docstopd"
