-- Forgets final deliveries, with all that belongs to them. P1: at most so many, P2: from before.
DECLARE @old TABLE (Number bigint NOT NULL PRIMARY KEY, Id uniqueidentifier NOT NULL);
INSERT INTO @old (Number, Id)
SELECT TOP (@P1) d.Number, d.Id
FROM dbo.NotificationDeliveries AS d
WHERE d.Stage IS NULL AND d.UpdatedAt < @P2
ORDER BY d.UpdatedAt, d.Number;
DECLARE @gone TABLE (Id uniqueidentifier NOT NULL);
DECLARE @loose TABLE (AttachmentId uniqueidentifier NOT NULL);
BEGIN TRANSACTION;
-- One that was sent again meanwhile stays.
DELETE FROM dbo.NotificationDeliveries
OUTPUT deleted.Id INTO @gone (Id)
WHERE Number IN (SELECT o.Number FROM @old AS o) AND Stage IS NULL AND UpdatedAt < @P2;
DELETE FROM dbo.NheaMailQueue WHERE Id IN (SELECT g.Id FROM @gone AS g);
DELETE FROM dbo.MailIntents WHERE Id IN (SELECT g.Id FROM @gone AS g);
DELETE FROM dbo.MailAttachmentUses
OUTPUT deleted.AttachmentId INTO @loose (AttachmentId)
WHERE DeliveryId IN (SELECT g.Id FROM @gone AS g);
DELETE FROM dbo.MailAttachments
WHERE Id IN (SELECT l.AttachmentId FROM @loose AS l)
    AND NOT EXISTS (SELECT 1 FROM dbo.MailAttachmentUses AS u WHERE u.AttachmentId = dbo.MailAttachments.Id);
COMMIT TRANSACTION;
SELECT COUNT(*) AS Changed FROM @gone AS g;
