"""Exit codes. 2, wrong usage, is the parser's own."""

DONE = 0
FAILED = 1
DAMAGE = 3
"""A verification, or a read, found bytes that are not what was written."""
STATE_UNKNOWN = 70
