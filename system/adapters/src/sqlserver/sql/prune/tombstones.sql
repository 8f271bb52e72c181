-- Forgets tombstones. P1: at most so many, P2: older than so many seconds.
DELETE FROM dbo.ForecastTombstones
WHERE Id IN
    (
        SELECT TOP (@P1) o.Id
        FROM dbo.ForecastTombstones AS o
        WHERE o.DeletedAt < DATEADD(SECOND, -@P2, SYSUTCDATETIME())
        ORDER BY o.DeletedAt
    );
SELECT @@ROWCOUNT AS Changed;
