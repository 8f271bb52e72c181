-- Makes a delivery that failed due again; a mail that was rendered is in the queue still. P1: what names a time long ago,
-- P2: the delivery.
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
WHERE d.Id = @P2 AND d.Stage IS NULL AND d.Status IN ('failed', 'unknown');
SELECT @@ROWCOUNT AS Changed;
