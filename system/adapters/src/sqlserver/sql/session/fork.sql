-- Whether this is another history of the database than the one that was known (a restore): then a new incarnation begins.
-- Answers the incarnation, and whether it was raised.
DECLARE @fork uniqueidentifier =
    (SELECT r.recovery_fork_guid FROM sys.database_recovery_status AS r WHERE r.database_id = DB_ID());
DECLARE @raised int = 0;
IF @fork IS NOT NULL AND EXISTS (SELECT 1 FROM dbo.ForecastMeta WHERE RecoveryFork IS NULL OR RecoveryFork <> @fork)
BEGIN
    -- The first look at a new database only notes the fork.
    UPDATE dbo.ForecastMeta
    SET Incarnation = CASE WHEN RecoveryFork IS NULL THEN Incarnation ELSE Incarnation + 1 END,
        RecoveryFork = @fork,
        @raised = CASE WHEN RecoveryFork IS NULL THEN 0 ELSE 1 END
    WHERE RecoveryFork IS NULL OR RecoveryFork <> @fork;
    -- Their tokens may come again.
    IF @raised = 1
        UPDATE dbo.ForecastLeases SET Holder = NULL WHERE Holder IS NOT NULL;
END;
SELECT m.Incarnation, @raised AS IsRaised FROM dbo.ForecastMeta AS m;
