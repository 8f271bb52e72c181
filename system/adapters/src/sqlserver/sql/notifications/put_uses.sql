-- Which mails name which files. P1: JSON [{file, delivery}].
INSERT INTO dbo.MailAttachmentUses (AttachmentId, DeliveryId)
SELECT DISTINCT w.AttachmentId, w.DeliveryId
FROM OPENJSON(@P1) WITH (AttachmentId uniqueidentifier '$.file', DeliveryId uniqueidentifier '$.delivery') AS w
WHERE NOT EXISTS
    (
        SELECT 1 FROM dbo.MailAttachmentUses AS u
        WHERE u.AttachmentId = w.AttachmentId AND u.DeliveryId = w.DeliveryId
    );
