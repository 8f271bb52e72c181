-- The same for those that failed at a time or later, the first ones first; not for those whose fate is unknown. P1: what
-- names a time long ago, P2: the time, P3: at most so many.
UPDATE d
SET Attempts = 0, ClaimId = NULL, DueAt = @P1, AvailableAt = @P1, UpdatedAt = SYSUTCDATETIME(), WaitsSince = SYSUTCDATETIME(),
    Stage = CASE
        WHEN d.Channel = 2 THEN 1
        WHEN EXISTS (SELECT 1 FROM dbo.NheaMailQueue AS q WHERE q.Id = d.Id) THEN 3
        ELSE 2
    END,
    Status = CASE
        WHEN EXISTS (SELECT 1 FROM dbo.NheaMailQueue AS q WHERE q.Id = d.Id) THEN 'queued'
        ELSE 'pending'
    END
FROM dbo.NotificationDeliveries AS d
INNER JOIN
    (
        SELECT TOP (@P3) o.Number
        FROM dbo.NotificationDeliveries AS o
        WHERE o.Stage IS NULL AND o.UpdatedAt >= @P2 AND o.Status = 'failed'
        ORDER BY o.UpdatedAt, o.Number
    ) AS failed ON failed.Number = d.Number;
SELECT @@ROWCOUNT AS Changed;
