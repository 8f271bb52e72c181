-- Whether a claim seems to live longer than any may: it is from before the clock went back. P1: the stage, P2: how many
-- milliseconds a claim lives at most.
SELECT TOP (1) d.Number
FROM dbo.NotificationDeliveries AS d
WHERE d.Stage = @P1 AND d.Stage IS NOT NULL AND d.ClaimId IS NOT NULL
    AND d.AvailableAt > DATEADD(MILLISECOND, @P2, SYSUTCDATETIME());
