-- Leases, the outbox, parked events; traces in the capture; compacted messages.

-- The trace that a write belongs to. A commit sets it in its own transaction; the triggers, and so bare statements, do not.
ALTER TABLE capture ADD COLUMN traceparent TEXT;

-- Who is the tracker, and who the sync. Nobody holds a lease without a holder. The token rises by one each time that the
-- lease is taken, and never falls.
CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    token      INTEGER NOT NULL DEFAULT 0,
    holder     BLOB    CHECK (length(holder) = 16),
    expires_at INTEGER NOT NULL DEFAULT 0,
    -- For how long it was last given, in microseconds: no lease has more than that before it, unless the clock went back.
    life       INTEGER NOT NULL DEFAULT 0,
    -- Up to where the holders have got in the feed.
    cursor     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO leases (name) VALUES ('tracker'), ('sync');

-- The events of commits, where the bus is not this file. A mark for each row and no cursor: a relay asks for what is not
-- sent, whatever order the rows came in.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    topic      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    payload    BLOB    NOT NULL,
    properties TEXT    NOT NULL,
    born_at    INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    sent_at    INTEGER
) STRICT;
CREATE INDEX outbox_pending ON outbox (id) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;

-- Bytes of the events that are not sent; kept by triggers.
ALTER TABLE meta ADD COLUMN outbox_bytes INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER outbox_inserted AFTER INSERT ON outbox WHEN NEW.sent_at IS NULL
BEGIN
    UPDATE meta SET outbox_bytes = outbox_bytes + NEW.bytes;
END;
CREATE TRIGGER outbox_marked AFTER UPDATE OF sent_at ON outbox WHEN OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL
BEGIN
    UPDATE meta SET outbox_bytes = outbox_bytes - NEW.bytes;
END;
CREATE TRIGGER outbox_deleted AFTER DELETE ON outbox WHEN OLD.sent_at IS NULL
BEGIN
    UPDATE meta SET outbox_bytes = outbox_bytes - OLD.bytes;
END;

-- Events that could not be worked on.
CREATE TABLE parked (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    topic      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    payload    BLOB    NOT NULL,
    properties TEXT    NOT NULL,
    entity     BLOB    CHECK (length(entity) = 16),
    reason     TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    parked_at  INTEGER NOT NULL
) STRICT;

-- Messages of which only the newest of a key matters.
ALTER TABLE messages ADD COLUMN compacted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_compacted ON messages (topic, key, id) WHERE compacted = 1;
