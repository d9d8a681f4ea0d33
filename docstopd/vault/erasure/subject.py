"""What an erasure is about, and how far it is: ids and times only, as they are kept in the catalog."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from docstopd.catalog.erasures import Erasure
from docstopd.errors import Damaged
from docstopd.model import Micros, NodeId, SpaceId, UserId

WAITING, HELD, CANCELLED, ERASING, PROVISIONAL, FINAL = (
    "waiting",
    "held",
    "cancelled",
    "erasing",
    "provisional",
    "final",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """`node` of one of the `spaces`, or these spaces whole; with `user`, the account too.

    `spaces` of an account are known when its rows go. `enabled`: it could sign in when this was asked.
    """

    spaces: tuple[SpaceId, ...] = ()
    node: NodeId | None = None
    user: UserId | None = None
    enabled: bool = False

    @property
    def whole_spaces(self) -> tuple[SpaceId, ...]:
        """The spaces of which nothing is to stay."""
        return self.spaces if self.node is None else ()

    def encode(self) -> str:
        """JSON."""
        return json.dumps(
            {
                "spaces": [space.hex() for space in self.spaces],
                "node": self.node,
                "user": None if self.user is None else self.user.hex(),
                "enabled": self.enabled,
            }
        )

    @classmethod
    def decode(cls, text: str) -> "Subject":
        """The counterpart of `encode`. Raises `Damaged`."""
        try:
            found = json.loads(text)
            return cls(
                tuple(SpaceId(bytes.fromhex(space)) for space in found["spaces"]),
                None if found["node"] is None else NodeId(found["node"]),
                None if found["user"] is None else UserId(bytes.fromhex(found["user"])),
                found["enabled"],
            )
        except (KeyError, TypeError, ValueError, RecursionError):
            raise Damaged("an erasure does not say what it is about") from None


@dataclass(frozen=True, slots=True)
class Step:
    """One step that is done: when, and how many things it concerned."""

    time: Micros
    count: int = 0


def steps(erasure: Erasure) -> dict[str, Step]:
    """The steps that are done, by name. Raises `Damaged`."""
    try:
        return {name: Step(*held) for name, held in json.loads(erasure.report).items()}
    except (AttributeError, TypeError, ValueError, RecursionError):
        raise Damaged(f"erasure {erasure.id.hex()} does not say how far it is") from None


def with_step(erasure: Erasure, name: str, step: Step) -> Erasure:
    """The erasure with one step more."""
    known: Mapping[str, Step] = {**steps(erasure), name: step}
    report = {one: [held.time, held.count] for one, held in known.items()}
    return replace(erasure, report=json.dumps(report))
