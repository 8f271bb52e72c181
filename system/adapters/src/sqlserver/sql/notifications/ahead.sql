-- Whether a claim seems to live longer than any may: it is from before the clock went back. What is under way is not freed,
-- so it is not looked for. P1: the stage, P2: how many milliseconds a claim lives at most.
SELECT TOP (1) d.Number
FROM dbo.NotificationDeliveries AS d
WHERE d.Stage = @P1 AND d.Stage IS NOT NULL AND d.ClaimId IS NOT NULL AND d.Status <> 'sending'
    AND d.AvailableAt > DATEADD(MILLISECOND, @P2, SYSUTCDATETIME());
