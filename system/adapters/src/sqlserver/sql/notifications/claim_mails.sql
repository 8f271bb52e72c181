-- Claims mails to send. First those under way whose sender is gone are held, or due again. P1: the claim, P2: for how
-- many milliseconds, P3: at most so many, P4: how many milliseconds a claim lives at most. READPAST: what another claim
-- is about to take is left to it; READCOMMITTEDLOCK: without it READPAST is refused where reads are versioned.
DECLARE @now datetime2(6) = SYSUTCDATETIME();
DECLARE @taken TABLE (Number bigint NOT NULL PRIMARY KEY, WasDue datetime2(6) NOT NULL);
DECLARE @orphans TABLE (Status varchar(16) NOT NULL);
DECLARE @loose TABLE (AttachmentId uniqueidentifier NOT NULL);
BEGIN TRANSACTION;
UPDATE dbo.NotificationDeliveries SET ClaimId = NULL, AvailableAt = @now
WHERE Stage = 3 AND ClaimId IS NOT NULL AND Status <> 'sending' AND AvailableAt > DATEADD(MILLISECOND, @P4, @now);
UPDATE d
SET Attempts = d.Attempts + 1, ClaimId = NULL, UpdatedAt = @now, DueAt = @now,
    LastError = N'the sender went away while the mail was on its way',
    Status = CASE WHEN q.OnUnknown = 'resend' THEN 'queued' ELSE 'unknown' END,
    Stage = CASE WHEN q.OnUnknown = 'resend' THEN 3 END
OUTPUT inserted.Status INTO @orphans (Status)
FROM dbo.NotificationDeliveries AS d
INNER JOIN dbo.NheaMailQueue AS q ON q.Id = d.Id
WHERE d.Stage = 3 AND d.Status = 'sending' AND d.AvailableAt <= @now;
UPDATE d SET ClaimId = @P1, AvailableAt = DATEADD(MILLISECOND, @P2, @now)
OUTPUT inserted.Number, deleted.AvailableAt INTO @taken (Number, WasDue)
FROM dbo.NotificationDeliveries AS d
INNER JOIN
    (
        SELECT TOP (@P3) w.Number
        FROM dbo.NotificationDeliveries AS w WITH (UPDLOCK, READPAST, ROWLOCK, READCOMMITTEDLOCK)
        WHERE w.Stage = 3 AND w.AvailableAt <= @now
        ORDER BY w.AvailableAt, w.Number
    ) AS due ON due.Number = d.Number;
UPDATE d SET Stage = NULL, ClaimId = NULL, UpdatedAt = @now, Status = 'suppressed'
FROM dbo.NotificationDeliveries AS d
INNER JOIN @taken AS k ON k.Number = d.Number
WHERE EXISTS
    (
        SELECT 1 FROM dbo.NheaMailQueue AS q
        INNER JOIN dbo.MailSuppressions AS x ON x.Address = q.ToFolded
        WHERE q.Id = d.Id
    );
-- Those need their files no more.
DELETE FROM dbo.MailAttachmentUses
OUTPUT deleted.AttachmentId INTO @loose (AttachmentId)
WHERE DeliveryId IN
    (
        SELECT d.Id FROM dbo.NotificationDeliveries AS d
        INNER JOIN @taken AS k ON k.Number = d.Number
        WHERE d.Status = 'suppressed'
    );
DELETE FROM dbo.MailAttachments
WHERE Id IN (SELECT l.AttachmentId FROM @loose AS l)
    AND NOT EXISTS (SELECT 1 FROM dbo.MailAttachmentUses AS u WHERE u.AttachmentId = dbo.MailAttachments.Id);
SELECT COUNT(*) AS Held FROM @orphans AS o WHERE o.Status = 'unknown';
SELECT
    d.Id, d.Attempts, d.WaitsSince, q.ToAddress, q.ToName, q.Subject, q.TemplateId, q.BodyText, q.BodyHtml, q.Attachments,
    q.OnUnknown, t.Token
FROM dbo.NotificationDeliveries AS d
INNER JOIN @taken AS k ON k.Number = d.Number
INNER JOIN dbo.NheaMailQueue AS q ON q.Id = d.Id
LEFT OUTER JOIN dbo.MailUnsubscribeTokens AS t ON t.Address = q.ToFolded
WHERE d.Stage = 3
ORDER BY k.WasDue, k.Number;
COMMIT TRANSACTION;
