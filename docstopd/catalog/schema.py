"""The catalog's tables. A migration, once released, is never edited: later ones are appended."""

from docstopd.catalog.schema_of_time import (
    ARRIVALS,
    CLASSES,
    DISPOSITIONS,
    ERASURES,
    HOLDS,
    MARKS,
    MOVES,
    OUTBOX,
    RUNS,
    SNAPSHOTS,
    TRIPWIRE,
)

_FIRST = """
CREATE TABLE users (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    profile BLOB NOT NULL            -- sealed under the server's profile key
) STRICT, WITHOUT ROWID;

CREATE TABLE spaces (
    id BLOB PRIMARY KEY,
    label TEXT NOT NULL UNIQUE,
    custody TEXT NOT NULL,
    root INTEGER NOT NULL,
    epoch INTEGER NOT NULL,          -- of the newest space key
    quota INTEGER,
    used INTEGER NOT NULL,           -- bytes of all current versions that are not in the trash
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    space BLOB NOT NULL REFERENCES spaces(id) ON DELETE CASCADE,
    user BLOB NOT NULL REFERENCES users(id),
    role TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (space, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_user ON members(user);

CREATE TABLE nodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space BLOB NOT NULL,
    parent INTEGER NOT NULL,         -- 0 for a root
    name BLOB NOT NULL,              -- AES-SIV; the id of the space for a root
    epoch INTEGER NOT NULL,          -- of the space key that sealed name and proof
    folder INTEGER NOT NULL,
    blob BLOB NOT NULL,              -- names the current version; empty for a folder
    size INTEGER NOT NULL,           -- of the current version, in clear
    seq INTEGER NOT NULL,            -- the last journal entry that touched it or anything below
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    proof BLOB NOT NULL,             -- binds id, place, blob and size to each other
    deleted INTEGER                  -- journal seq of its deletion: it heads a deleted tree
) STRICT;
CREATE UNIQUE INDEX nodes_place ON nodes(parent, name) WHERE deleted IS NULL;
CREATE INDEX nodes_trash ON nodes(space, deleted) WHERE deleted IS NOT NULL;

CREATE TABLE versions (
    node INTEGER NOT NULL,
    blob BLOB NOT NULL,              -- one version, one blob
    space BLOB NOT NULL,
    size INTEGER NOT NULL,           -- in clear
    stored INTEGER NOT NULL,         -- of the ciphertext
    digest BLOB NOT NULL,            -- SHA-256 of the ciphertext
    modified INTEGER NOT NULL,       -- what the client said
    received INTEGER NOT NULL,       -- when the server had all of it
    author BLOB NOT NULL,
    born INTEGER NOT NULL,           -- first snapshot that can contain it
    dead INTEGER,                    -- last snapshot that does; NULL while its file has it
    PRIMARY KEY (node, blob)         -- a file's versions lie together, new ones at the end: fewer pages to write
) STRICT, WITHOUT ROWID;
CREATE INDEX versions_dead ON versions(dead) WHERE dead IS NOT NULL;

CREATE TABLE properties (
    node INTEGER NOT NULL REFERENCES nodes(id),
    name BLOB NOT NULL,              -- keyed digest of the property's name
    epoch INTEGER NOT NULL,
    value BLOB NOT NULL,             -- sealed: name and XML
    PRIMARY KEY (node, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE locks (
    token TEXT PRIMARY KEY,
    space BLOB NOT NULL,
    node INTEGER NOT NULL REFERENCES nodes(id),
    user BLOB NOT NULL,
    exclusive INTEGER NOT NULL,
    infinite INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    owner BLOB NOT NULL,             -- sealed
    timeout INTEGER NOT NULL,        -- seconds
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX locks_node ON locks(node);
CREATE INDEX locks_expires ON locks(expires);

CREATE TABLE journal (
    stream BLOB NOT NULL,            -- a space's id, or `system`
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    actor BLOB NOT NULL,
    action TEXT NOT NULL,
    node INTEGER NOT NULL,
    facts TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    salt BLOB,
    payload BLOB,
    commitment BLOB NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE heads (
    stream BLOB PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE throttle (
    subject BLOB PRIMARY KEY,        -- keyed digest of a user name or an address
    failures INTEGER NOT NULL,
    last INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_last ON throttle(last);

CREATE TABLE snapshots (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    created INTEGER NOT NULL
) STRICT;
"""

_SECOND = "".join((CLASSES, HOLDS, SNAPSHOTS, RUNS, DISPOSITIONS, ERASURES, MARKS, MOVES))

_THIRD = """
ALTER TABLE spaces ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0;  -- changes that the journal does not tell
ALTER TABLE nodes ADD COLUMN folded BLOB;  -- the sealed name in lower case, where that is another one
CREATE INDEX nodes_folded ON nodes(parent, folded) WHERE folded IS NOT NULL AND deleted IS NULL;
"""

_HEADS = """
-- Each change of a space writes its head: what else each change counts lies in the same page.
ALTER TABLE heads ADD COLUMN used INTEGER NOT NULL DEFAULT 0;   -- bytes of all current versions not in the trash
ALTER TABLE heads ADD COLUMN given INTEGER NOT NULL DEFAULT 0;  -- the last id that a node of the space was given
ALTER TABLE heads ADD COLUMN until INTEGER NOT NULL DEFAULT 0;  -- the last id that is the space's own to give
UPDATE heads SET used = coalesce((SELECT used FROM spaces WHERE id = stream), 0);
ALTER TABLE spaces DROP COLUMN used;
"""

MIGRATIONS = (_FIRST, _SECOND, _THIRD + TRIPWIRE + ARRIVALS + OUTBOX + _HEADS)
"""`MIGRATIONS[n]` takes the schema from version n to n+1."""
