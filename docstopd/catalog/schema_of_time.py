"""The second migration: what happens to files over time. One text for each concern; `schema.py` joins them."""

CLASSES = """
ALTER TABLE nodes ADD COLUMN class TEXT;     -- the file's retention class, NULL for none
ALTER TABLE nodes ADD COLUMN event INTEGER;  -- the day from which a class counts that waits for an event
ALTER TABLE nodes ADD COLUMN received INTEGER;  -- when a file with a class was first received, whatever became of that
CREATE INDEX nodes_class ON nodes(class) WHERE class IS NOT NULL;
"""

HOLDS = """
CREATE TABLE holds (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,              -- user, space or node
    subject BLOB NOT NULL,           -- the id of a user or a space; of the space for a node
    placed INTEGER NOT NULL,
    author BLOB NOT NULL,            -- empty for the operator
    confidential INTEGER NOT NULL,   -- members are not told of it
    reason BLOB NOT NULL,            -- sealed under the server's profile key
    released INTEGER                 -- NULL while it stands
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_standing ON holds(subject) WHERE released IS NULL;

CREATE TABLE held (
    hold BLOB NOT NULL REFERENCES holds(id),
    node INTEGER NOT NULL,           -- heads a tree that the hold covers, wherever it goes
    PRIMARY KEY (hold, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_node ON held(node);
CREATE INDEX nodes_trash_place ON nodes(parent) WHERE deleted IS NOT NULL;
"""

SNAPSHOTS = """
ALTER TABLE snapshots ADD COLUMN expired INTEGER;  -- when its last copy was given up; NULL while it may be needed

CREATE TABLE copies (
    number INTEGER NOT NULL REFERENCES snapshots(number),
    target TEXT NOT NULL,            -- the target's name in the configuration
    finished INTEGER,                -- NULL until its manifest is durable
    verified INTEGER,                -- when all of it was last read and found whole
    blobs INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (number, target)
) STRICT, WITHOUT ROWID;
"""

RUNS = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,                   -- NULL while it runs, and until somebody sees that its process died
    outcome TEXT NOT NULL,           -- running, done, refused, failed or stopped
    dry INTEGER NOT NULL,
    report TEXT NOT NULL,            -- JSON; counts and ids, nothing personal
    reason TEXT NOT NULL             -- why it was not done, for people; empty otherwise
) STRICT;
CREATE INDEX runs_job ON runs(job, dry);
CREATE INDEX runs_open ON runs(job) WHERE ended IS NULL;
"""

DISPOSITIONS = """
CREATE TABLE dispositions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space BLOB NOT NULL,
    node INTEGER NOT NULL,
    class TEXT NOT NULL,
    due INTEGER NOT NULL,            -- when the class's time was up
    opened INTEGER NOT NULL,
    closed INTEGER,
    outcome TEXT,                    -- NULL while it is open; destroyed, kept or void
    report BLOB                      -- signed: what was destroyed, and who approved it
) STRICT;
CREATE UNIQUE INDEX dispositions_open ON dispositions(node) WHERE closed IS NULL;
CREATE INDEX dispositions_kept ON dispositions(node) WHERE outcome = 'kept';

CREATE TABLE approvals (
    disposition INTEGER NOT NULL REFERENCES dispositions(id),
    user BLOB NOT NULL,
    time INTEGER NOT NULL,
    verdict TEXT NOT NULL,           -- destroy or keep
    PRIMARY KEY (disposition, user)
) STRICT, WITHOUT ROWID;
"""

ERASURES = """
CREATE TABLE erasures (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,              -- file, folder, space or account
    subject TEXT NOT NULL,           -- JSON, ids only
    requested INTEGER NOT NULL,
    author BLOB NOT NULL,            -- empty for the operator
    due INTEGER NOT NULL,            -- an account's grace ends then
    state TEXT NOT NULL,             -- waiting, held, cancelled, erasing, provisional or final
    done INTEGER,                    -- when its rows went; what is to be destroyed is fixed from then on
    final INTEGER,                   -- when the last copy that could hold a key was gone
    report TEXT NOT NULL,            -- JSON: the steps that are done, each with its time
    certificate TEXT                 -- JSON, signed
) STRICT, WITHOUT ROWID;
CREATE INDEX erasures_open ON erasures(due) WHERE state IN ('waiting', 'held', 'erasing', 'provisional');

CREATE TABLE erased (
    blob BLOB PRIMARY KEY,           -- a restored catalog or keyring must not bring it back
    erasure BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_erasure ON erased(erasure);

CREATE TABLE erased_nodes (
    node INTEGER NOT NULL,
    space BLOB NOT NULL,
    erasure BLOB NOT NULL,
    PRIMARY KEY (node, erasure)
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_nodes_erasure ON erased_nodes(erasure);

CREATE TABLE traces (
    erasure BLOB NOT NULL,           -- what to look for in the files once it is overwritten; gone when it was not found
    store TEXT NOT NULL,             -- catalog or keyring
    trace BLOB NOT NULL,             -- 12 to 16 bytes, inverted, so that this row is not what is found
    PRIMARY KEY (erasure, store, trace)
) STRICT, WITHOUT ROWID;
"""

MARKS = """
CREATE TABLE marks (
    name TEXT PRIMARY KEY,           -- of one thing to be remembered: where the scrub is, when a job last ran
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

MOVES = """
-- What gave a node another place: followed back from now, it tells where everything was at a time, and whose.
ALTER TABLE versions ADD COLUMN taken INTEGER;  -- the entry by which it came from another file; NULL: written to this
CREATE INDEX journal_moves ON journal(stream, seq) WHERE action IN ('move', 'restore');
"""

TRIPWIRE = """
ALTER TABLE spaces ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0;  -- 1: nobody changes its files until it is ended
"""

ARRIVALS = """
CREATE TABLE arrivals (
    blob BLOB PRIMARY KEY,           -- one arrival, one blob; its data key lies in the keyring, sealed to the space
    space BLOB NOT NULL,
    size INTEGER NOT NULL,           -- in clear
    stored INTEGER NOT NULL,         -- of the ciphertext
    digest BLOB NOT NULL,            -- SHA-256 of the ciphertext
    received INTEGER NOT NULL,       -- when all of it was here
    born INTEGER NOT NULL,           -- first snapshot that can contain it
    note BLOB NOT NULL,              -- name, place and date, sealed under a key that the data key gives
    waits TEXT                       -- why it could not be filed; NULL while nothing is known to stand in the way
) STRICT, WITHOUT ROWID;
CREATE INDEX arrivals_space ON arrivals(space, received);

CREATE TABLE taken (
    mark BLOB PRIMARY KEY,           -- keyed digest of a file that is durable here and perhaps not yet removed there
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

OUTBOX = """
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    user BLOB NOT NULL,              -- whose mail it is
    recipient BLOB NOT NULL,         -- keyed digest of the address
    queued INTEGER NOT NULL,
    due INTEGER NOT NULL,            -- not to be sent before
    tries INTEGER NOT NULL,
    state TEXT NOT NULL,             -- waiting, held (for the next digest) or sent (counts for the rate)
    content BLOB NOT NULL            -- sealed under the server's profile key: address, subject, text; empty once sent
) STRICT;
CREATE INDEX outbox_due ON outbox(due) WHERE state = 'waiting';
CREATE INDEX outbox_rate ON outbox(recipient, kind, queued);
CREATE INDEX outbox_held ON outbox(recipient, kind) WHERE state = 'held';
"""
