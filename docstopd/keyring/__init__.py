"""The keyring: the store of all wrapped keys, and of nothing else.

What always holds: no value lies in it unwrapped; each is closed once more under the keystore key with its row's
identity as associated data, so a row that was copied, edited or made by hand does not open. A key that is removed is
overwritten (`secure_delete`), and with it goes every copy of what it opened.
"""

from docstopd.keyring.keyring import EARLIER, Keyring, Slot
from docstopd.keyring.schema import MIGRATIONS

__all__ = ["EARLIER", "MIGRATIONS", "Keyring", "Slot"]
