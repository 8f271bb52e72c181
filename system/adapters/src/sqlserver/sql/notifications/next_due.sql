-- When the next thing at a stage can be taken, from now. P1: the stage.
SELECT TOP (1) DATEDIFF_BIG(MICROSECOND, SYSUTCDATETIME(), d.AvailableAt) AS DueInUs
FROM dbo.NotificationDeliveries AS d
WHERE d.Stage = @P1 AND d.Stage IS NOT NULL
ORDER BY d.AvailableAt, d.Number;
