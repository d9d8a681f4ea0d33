"""What stands in the way of a removal: holds, and classes whose time is not up."""

from docstopd.db import Rows
from docstopd.errors import Protected
from docstopd.model import Micros, NodeId, SpaceId, UserId
from docstopd.vault.retention.classes import Classes
from docstopd.vault.retention.holds import Cover
from docstopd.vault.retention.schedule import Schedule


class Standing:
    """Both, as one transaction sees them."""

    def __init__(self, rows: Rows, schedule: Schedule, now: Micros) -> None:
        self.cover = Cover(rows)
        self.classes = Classes(rows, schedule, now)

    def covers_tree(self, node: NodeId) -> bool:
        """Whether a node, or anything below it, must stay."""
        if self.cover.covers_tree(node):
            return True
        try:
            self.classes.refuse_removal(node)
        except Protected:
            return True
        return False

    def refuse_tree(self, node: NodeId) -> None:
        """Raises `Held` or `Protected` where a node, or anything below it, must stay."""
        self.cover.refuse_tree(node)
        self.classes.refuse_removal(node)

    def refuse_space(self, space: SpaceId) -> None:
        """Raises `Held` or `Protected` where a space, or anything in it, must stay."""
        self.cover.refuse_space(space)
        self.classes.refuse_destruction(space)

    def refuse_user(self, user: UserId) -> None:
        """Raises `Held` where an account must stay."""
        self.cover.refuse_user(user)
