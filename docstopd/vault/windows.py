"""Names that Windows cannot open: they are allowed, and the journal warns of them.

Whoever mounts the share under Windows does not see such a file, or sees another one in its place; who made it, under
another system, cannot know. (Microsoft: "Naming Files, Paths, and Namespaces".)
"""

import re

CLASH = "case-clash"
"""Another member of the folder has the same name but for the case of letters: Windows opens one of the two."""

_LONGEST = 255  # UTF-16 units
_device = re.compile(
    "(?:con|prn|aux|nul|conin\\$|conout\\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\\.|$)", re.IGNORECASE
).match
_unfit = re.compile(r'[<>:"|?*\\]').search


def reason(name: str) -> str | None:
    """Why Windows cannot open a file of that name, in a word for the journal; None if it can."""
    if _device(name):
        return "reserved-name"
    if name.endswith((".", " ")):
        return "ending"
    if _unfit(name):
        return "character"
    return "too-long" if len(name.encode("utf-16-le")) // 2 > _LONGEST else None
