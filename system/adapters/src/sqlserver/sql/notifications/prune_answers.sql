-- Forgets answers that expired. P1: at most so many.
DELETE FROM a
FROM dbo.NotificationAnswers AS a
INNER JOIN
    (
        SELECT TOP (@P1) o.Caller, o.RequestKey
        FROM dbo.NotificationAnswers AS o
        WHERE o.ExpiresAt <= SYSUTCDATETIME()
        ORDER BY o.ExpiresAt
    ) AS old ON old.Caller = a.Caller AND old.RequestKey = a.RequestKey;
SELECT @@ROWCOUNT AS Changed;
