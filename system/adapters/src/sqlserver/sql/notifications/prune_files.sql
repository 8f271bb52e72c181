-- Forgets files that no mail names. P1: at most so many, P2: from before.
DELETE FROM dbo.MailAttachments
WHERE Id IN
    (
        SELECT TOP (@P1) o.Id
        FROM dbo.MailAttachments AS o
        WHERE o.CreatedAt < @P2
            AND NOT EXISTS (SELECT 1 FROM dbo.MailAttachmentUses AS u WHERE u.AttachmentId = o.Id)
        ORDER BY o.CreatedAt
    );
SELECT @@ROWCOUNT AS Changed;
