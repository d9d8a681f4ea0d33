"""Keys, seals and wraps: bytes in, bytes out, no storage and no configuration.

What always holds here: every wrapped or sealed value starts with the suite byte (`suite`), except blobs, which carry
FLOE's own parameters; associated data binds immutable ids only; no `repr` and no exception text holds a key, a name or
a credential; what does not authenticate raises `errors.Damaged` and leaves no plaintext behind. `docs/format.md` states
every byte.
"""
