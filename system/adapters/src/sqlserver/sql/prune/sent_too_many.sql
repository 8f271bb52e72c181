-- Forgets events that were sent, but the newest. P1: at most so many, P2: how many are kept.
DELETE FROM dbo.ForecastOutbox
WHERE Id IN
    (
        SELECT TOP (@P1) o.Id
        FROM dbo.ForecastOutbox AS o
        WHERE o.SentAt IS NOT NULL
            AND o.SentAt <=
                (
                    SELECT s.SentAt FROM dbo.ForecastOutbox AS s
                    WHERE s.SentAt IS NOT NULL
                    ORDER BY s.SentAt DESC
                    OFFSET @P2 ROWS FETCH NEXT 1 ROWS ONLY
                )
        ORDER BY o.SentAt
    );
SELECT @@ROWCOUNT AS Changed;
