-- The two jobs of CDC: how many seconds the capture job waits between two looks at the log, for how many minutes the cleanup
-- job keeps changes.
SELECT j.job_type AS JobType, CAST(j.pollinginterval AS bigint) AS PollingInterval, CAST(j.retention AS bigint) AS Retention
FROM msdb.dbo.cdc_jobs AS j
WHERE j.database_id = DB_ID();
