-- phase: expand
-- transaction: no
-- The database itself. ALTER DATABASE runs in no transaction; each step looks first, so that it can run again.

-- Each statement reads one snapshot and blocks no writer: what the store's reads rest on. It waits until no other
-- connection works in the database, and for a minute at most (LOCK_TIMEOUT of the migration).
IF NOT EXISTS (SELECT 1 FROM sys.databases WHERE database_id = DB_ID() AND is_read_committed_snapshot_on = 1)
    ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON;
GO
-- One snapshot for several statements: what the change feed reads in.
IF NOT EXISTS (SELECT 1 FROM sys.databases WHERE database_id = DB_ID() AND snapshot_isolation_state = 1)
    ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON;
GO
-- The change feed of the default mode. A day longer than the topics retain (7 days): what is pruned was told.
IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_databases WHERE database_id = DB_ID())
    ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 8 DAYS, AUTO_CLEANUP = ON); -- noqa: PRS
GO
