-- How Change Tracking is set: for how long changes are kept and in which unit (1: minutes, 2: hours, 3: days), whether old ones
-- are removed, whether the table is tracked, and whether we may ask (else there is no version).
SELECT
    d.retention_period AS RetentionPeriod,
    d.retention_period_units AS RetentionUnit,
    CAST(d.is_auto_cleanup_on AS int) AS IsAutoCleanup,
    CASE WHEN t.object_id IS NULL THEN 0 ELSE 1 END AS IsTracked,
    CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'dbo.Forecasts')) AS MinimumVersion
FROM sys.change_tracking_databases AS d
LEFT OUTER JOIN sys.change_tracking_tables AS t ON t.object_id = OBJECT_ID(N'dbo.Forecasts')
WHERE d.database_id = DB_ID();
