-- Forgets events that were sent. P1: at most so many, P2: older than so many seconds.
DELETE FROM dbo.ForecastOutbox
WHERE Id IN
    (
        SELECT TOP (@P1) o.Id
        FROM dbo.ForecastOutbox AS o
        WHERE o.SentAt < DATEADD(SECOND, -@P2, SYSUTCDATETIME())
        ORDER BY o.SentAt
    );
SELECT @@ROWCOUNT AS Changed;
