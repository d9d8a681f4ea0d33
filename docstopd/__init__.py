"""docstopd: an encrypted records share over WebDAV.

The floors, from the ground up (imports go down only; `tests/unit/test_floors.py` checks it):

    F6  cli
    F5  daemon
    F4  dav, http
    F3  vault
    F2  catalog, keyring, blobs
    F1  config, crypto, db
    F0  errors, model
"""

__version__ = "0.1.0"
