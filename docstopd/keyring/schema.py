"""The keyring's tables. A migration, once released, is never edited: later ones are appended."""

_FIRST = """
CREATE TABLE slots (
    id BLOB PRIMARY KEY,
    user BLOB NOT NULL,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,        -- 0 for never
    label BLOB NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_user ON slots(user);

CREATE TABLE identities (
    user BLOB PRIMARY KEY,
    public BLOB NOT NULL,
    private BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE space_keys (
    space BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    member BLOB NOT NULL,            -- a user's id, or `server`
    value BLOB NOT NULL,
    PRIMARY KEY (space, epoch, member)
) STRICT, WITHOUT ROWID;

CREATE TABLE space_pairs (
    space BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    public BLOB NOT NULL,
    private BLOB NOT NULL,
    PRIMARY KEY (space, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE data_keys (
    blob BLOB PRIMARY KEY,
    space BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
    name TEXT PRIMARY KEY,           -- `canary`, `organisation`
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS = (_FIRST,)
"""`MIGRATIONS[n]` takes the schema from version n to n+1."""
