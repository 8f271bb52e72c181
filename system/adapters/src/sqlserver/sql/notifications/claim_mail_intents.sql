-- Claims mails to render. P1: the claim, P2: for how many milliseconds, P3: at most so many, P4: how many milliseconds
-- a claim lives at most. READPAST: what another claim is about to take is left to it; READCOMMITTEDLOCK: without it
-- READPAST is refused where reads are versioned.
DECLARE @now datetime2(6) = SYSUTCDATETIME();
DECLARE @taken TABLE (Number bigint NOT NULL PRIMARY KEY, WasDue datetime2(6) NOT NULL);
BEGIN TRANSACTION;
UPDATE dbo.NotificationDeliveries SET ClaimId = NULL, AvailableAt = @now
WHERE Stage = 2 AND ClaimId IS NOT NULL AND Status <> 'sending' AND AvailableAt > DATEADD(MILLISECOND, @P4, @now);
UPDATE d SET ClaimId = @P1, AvailableAt = DATEADD(MILLISECOND, @P2, @now)
OUTPUT inserted.Number, deleted.AvailableAt INTO @taken (Number, WasDue)
FROM dbo.NotificationDeliveries AS d
INNER JOIN
    (
        SELECT TOP (@P3) w.Number
        FROM dbo.NotificationDeliveries AS w WITH (UPDLOCK, READPAST, ROWLOCK, READCOMMITTEDLOCK)
        WHERE w.Stage = 2 AND w.AvailableAt <= @now
        ORDER BY w.AvailableAt, w.Number
    ) AS due ON due.Number = d.Number;
SELECT
    d.Id, d.WaitsSince, i.ToAddress, i.ToName, i.UserId, i.Subject, i.TemplateId, i.TemplateData, i.Attachments
FROM dbo.NotificationDeliveries AS d
INNER JOIN @taken AS k ON k.Number = d.Number
INNER JOIN dbo.MailIntents AS i ON i.Id = d.Id
ORDER BY k.WasDue, k.Number;
COMMIT TRANSACTION;
