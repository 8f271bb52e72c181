-- Whether this is another history of the database than the one that was known (a restore): then a new incarnation begins.
-- Answers the incarnation, and whether it was raised.
DECLARE @fork uniqueidentifier =
    (SELECT r.recovery_fork_guid FROM sys.database_recovery_status AS r WHERE r.database_id = DB_ID());
DECLARE @raised int = 0;
IF @fork IS NOT NULL AND EXISTS (SELECT 1 FROM dbo.ForecastMeta WHERE RecoveryFork IS NULL OR RecoveryFork <> @fork)
BEGIN
    -- Both or none: a fork that is noted while the leases stand would never be looked at again. The leases first, as whoever
    -- raises the incarnation by hand.
    BEGIN TRANSACTION;
    UPDATE dbo.ForecastLeases SET Holder = NULL
    WHERE Holder IS NOT NULL AND EXISTS (SELECT 1 FROM dbo.ForecastMeta WHERE RecoveryFork <> @fork);
    -- The first look at a new database only notes the fork.
    UPDATE dbo.ForecastMeta
    SET Incarnation = CASE WHEN RecoveryFork IS NULL THEN Incarnation ELSE Incarnation + 1 END,
        RecoveryFork = @fork,
        @raised = CASE WHEN RecoveryFork IS NULL THEN 0 ELSE 1 END
    WHERE RecoveryFork IS NULL OR RecoveryFork <> @fork;
    -- Tokens may have come again: they go on above all that the incarnations before had to themselves.
    IF @raised = 1
    BEGIN
        DECLARE @before bigint =
            (SELECT CASE WHEN m.Incarnation > 1048576 THEN 1048576 ELSE m.Incarnation - 1 END * CAST(4294967296 AS bigint)
            FROM dbo.ForecastMeta AS m);
        UPDATE dbo.ForecastLeases SET Token = @before WHERE Token < @before;
    END;
    COMMIT TRANSACTION;
END;
SELECT m.Incarnation, @raised AS IsRaised FROM dbo.ForecastMeta AS m;
