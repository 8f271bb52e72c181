-- What must be so about the server and the database.
SELECT
    d.compatibility_level AS CompatibilityLevel,
    CAST(d.is_read_committed_snapshot_on AS int) AS IsReadCommittedSnapshot,
    CAST(d.snapshot_isolation_state AS int) AS SnapshotState,
    CASE WHEN ct.database_id IS NULL THEN 0 ELSE 1 END AS IsChangeTracking,
    CAST(d.is_cdc_enabled AS int) AS IsCdc,
    CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS Version,
    CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS Edition,
    SYSUTCDATETIME() AS NowAt
FROM sys.databases AS d
LEFT OUTER JOIN sys.change_tracking_databases AS ct ON ct.database_id = d.database_id
WHERE d.database_id = DB_ID();
