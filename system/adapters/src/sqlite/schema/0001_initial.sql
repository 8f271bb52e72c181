-- The first schema. Each statement of it runs in one transaction (see migrations.rs).
--
-- Ids are 16-byte BLOBs: half the bytes of their text in every index, one spelling only, and their order is the order
-- of their text. (In the shell: hex(id), x'...'.) Times are microseconds since 1970, UTC.
--
-- The triggers run in whatever SQLite a database administrator has: nothing in them is newer than its 3.38 of 2022. So
-- the time comes of julianday(); unixepoch('subsec') is NULL before 3.42.

CREATE TABLE meta (
    only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
    incarnation   INTEGER NOT NULL,
    -- Changes up to this capture id were pruned.
    capture_floor INTEGER NOT NULL DEFAULT 0,
    -- Bytes of all messages that the topics retain; kept by triggers.
    bus_bytes     INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO meta (only_row, incarnation) VALUES (1, 1);

CREATE TABLE forecasts (
    id                 BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    company_id         BLOB    NOT NULL CHECK (length(company_id) = 16),
    production_unit_id BLOB    NOT NULL CHECK (length(production_unit_id) = 16),
    provider_id        BLOB    CHECK (length(provider_id) = 16),
    forecast_date      INTEGER NOT NULL,
    demand             REAL    NOT NULL,
    supply             REAL,
    confidence_level   REAL    NOT NULL,
    status             TEXT    NOT NULL CHECK (status IN ('Pending', 'Completed', 'Failed')),
    tags               TEXT    NOT NULL DEFAULT '[]' CHECK (json_type(tags) = 'array'),
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    version_id         INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- At most one forecast for a natural key; the absence of a provider is a value of its own.
CREATE UNIQUE INDEX forecasts_natural_key
    ON forecasts (company_id, production_unit_id, forecast_date, coalesce(provider_id, x''));
-- The order of lists. The columns after the id let totals be counted in the index alone, whatever the filters.
CREATE INDEX forecasts_by_company ON forecasts (company_id, forecast_date DESC, id, status);
CREATE INDEX forecasts_by_unit ON forecasts (production_unit_id, forecast_date DESC, id, status, company_id);
CREATE INDEX forecasts_by_date ON forecasts (forecast_date DESC, id, status);

CREATE TABLE tombstones (
    id                 BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version_id         INTEGER NOT NULL,
    company_id         BLOB,
    production_unit_id BLOB,
    provider_id        BLOB,
    tags               TEXT,
    deleted_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_by_age ON tombstones (deleted_at);

-- The change feed. Written by the triggers below only, so that it also holds what a bare statement did.
CREATE TABLE capture (
    position                  INTEGER PRIMARY KEY AUTOINCREMENT,
    operation                 TEXT    NOT NULL,
    id                        BLOB    NOT NULL,
    company_id                BLOB,
    production_unit_id        BLOB,
    provider_id               BLOB,
    forecast_date             INTEGER,
    demand                    REAL,
    supply                    REAL,
    confidence_level          REAL,
    status                    TEXT,
    tags                      TEXT,
    created_at                INTEGER,
    updated_at                INTEGER,
    version_id                INTEGER NOT NULL,
    before_company_id         BLOB,
    before_production_unit_id BLOB,
    before_provider_id        BLOB,
    captured_at               INTEGER NOT NULL
) STRICT;
CREATE INDEX capture_by_age ON capture (captured_at);

-- REPLACE deletes rows without firing delete triggers: versions would restart and caches keep deleted rows. An insert
-- over an existing row is therefore refused before SQLite resolves the conflict.
CREATE TRIGGER forecasts_insert_guard BEFORE INSERT ON forecasts
WHEN EXISTS (SELECT 1 FROM forecasts WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM forecasts
               WHERE company_id = NEW.company_id AND production_unit_id = NEW.production_unit_id
                 AND forecast_date = NEW.forecast_date AND coalesce(provider_id, x'') = coalesce(NEW.provider_id, x''))
BEGIN
    SELECT RAISE(ABORT, 'the forecast exists already: UPDATE it');
END;

-- UPDATE OR REPLACE would delete the row in its way, as REPLACE does.
CREATE TRIGGER forecasts_natural_key_guard
BEFORE UPDATE OF company_id, production_unit_id, provider_id, forecast_date ON forecasts
WHEN (NEW.company_id, NEW.production_unit_id, NEW.provider_id, NEW.forecast_date)
        IS NOT (OLD.company_id, OLD.production_unit_id, OLD.provider_id, OLD.forecast_date)
    AND EXISTS (SELECT 1 FROM forecasts
                WHERE company_id = NEW.company_id AND production_unit_id = NEW.production_unit_id
                  AND forecast_date = NEW.forecast_date AND coalesce(provider_id, x'') = coalesce(NEW.provider_id, x'')
                  AND id <> NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'another forecast has this natural key');
END;

CREATE TRIGGER forecasts_id_guard BEFORE UPDATE OF id ON forecasts WHEN NEW.id <> OLD.id
BEGIN
    SELECT RAISE(ABORT, 'the id of a forecast never changes');
END;

-- An insert continues from the row's tombstone, whatever version the statement named.
CREATE TRIGGER forecasts_inserted AFTER INSERT ON forecasts
BEGIN
    UPDATE forecasts SET version_id = 1 + coalesce((SELECT version_id FROM tombstones WHERE id = NEW.id), 0)
    WHERE id = NEW.id AND version_id <= coalesce((SELECT version_id FROM tombstones WHERE id = NEW.id), 0);
    DELETE FROM tombstones WHERE id = NEW.id;
    INSERT INTO capture (operation, id, company_id, production_unit_id, provider_id, forecast_date, demand, supply,
                         confidence_level, status, tags, created_at, updated_at, version_id, captured_at)
    SELECT 'insert', id, company_id, production_unit_id, provider_id, forecast_date, demand, supply, confidence_level,
           status, tags, created_at, updated_at, version_id,
           CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)
    FROM forecasts WHERE id = NEW.id;
END;

-- A statement that forgot the version gets it raised; its row is captured with the raised one. The condition leaves out
-- the raise that forecasts_inserted makes: only there has a row version 0, or a tombstone beside it.
-- (SQLite does not fire a trigger for its own update, recursive_triggers being off.)
CREATE TRIGGER forecasts_updated AFTER UPDATE ON forecasts
WHEN OLD.version_id > 0 AND NOT EXISTS (SELECT 1 FROM tombstones WHERE id = NEW.id)
BEGIN
    UPDATE forecasts SET version_id = OLD.version_id + 1 WHERE id = NEW.id AND NEW.version_id <= OLD.version_id;
    INSERT INTO capture (operation, id, company_id, production_unit_id, provider_id, forecast_date, demand, supply,
                         confidence_level, status, tags, created_at, updated_at, version_id, before_company_id,
                         before_production_unit_id, before_provider_id, captured_at)
    SELECT 'update', id, company_id, production_unit_id, provider_id, forecast_date, demand, supply, confidence_level,
           status, tags, created_at, updated_at, version_id, OLD.company_id, OLD.production_unit_id, OLD.provider_id,
           CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)
    FROM forecasts WHERE id = NEW.id;
END;

CREATE TRIGGER forecasts_deleted AFTER DELETE ON forecasts
BEGIN
    INSERT INTO tombstones (id, version_id, company_id, production_unit_id, provider_id, tags, deleted_at)
    VALUES (OLD.id, OLD.version_id + 1, OLD.company_id, OLD.production_unit_id, OLD.provider_id, OLD.tags,
            CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER));
    INSERT INTO capture (operation, id, version_id, before_company_id, before_production_unit_id, before_provider_id,
                         captured_at)
    VALUES ('delete', OLD.id, OLD.version_id + 1, OLD.company_id, OLD.production_unit_id, OLD.provider_id,
            CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER));
END;

CREATE TABLE idempotency (
    caller      BLOB    NOT NULL CHECK (length(caller) = 16),
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 16),
    response    BLOB    NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

-- All topics. A commit inserts its events here in its own transaction: this table is the outbox.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    topic        TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    payload      BLOB    NOT NULL,
    properties   TEXT    NOT NULL,
    published_at INTEGER NOT NULL,
    bytes        INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_by_topic ON messages (topic, id);
CREATE INDEX messages_by_age ON messages (published_at);

CREATE TRIGGER messages_inserted AFTER INSERT ON messages
BEGIN
    UPDATE meta SET bus_bytes = bus_bytes + NEW.bytes;
END;
CREATE TRIGGER messages_deleted AFTER DELETE ON messages
BEGIN
    UPDATE meta SET bus_bytes = bus_bytes - OLD.bytes;
END;

-- Durable subscriptions: everything up to the cursor is acknowledged, except `unacked`, a JSON array of
-- [message id, redeliveries] that is as long as the receive window at most.
CREATE TABLE subscriptions (
    topic   TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    cursor  INTEGER NOT NULL,
    unacked TEXT    NOT NULL DEFAULT '[]',
    PRIMARY KEY (topic, name)
) STRICT, WITHOUT ROWID;
