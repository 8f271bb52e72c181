-- Lets go of mails that are queued or failed now, as far as they are the claim's: the first answer has what goes into the
-- queue, the second one what failed. P1: the ids of the queued, JSON [{n, id}], P2: the failed, JSON [{id, error}], P3: the
-- claim, P4: what names a time long ago.
DECLARE @now datetime2(6) = SYSUTCDATETIME();
DECLARE @queued TABLE (Id uniqueidentifier NOT NULL);
DECLARE @failed TABLE (Id uniqueidentifier NOT NULL);
UPDATE d
SET Status = 'queued', Stage = 3, ClaimId = NULL, DueAt = @P4, AvailableAt = @P4, UpdatedAt = @now
OUTPUT inserted.Id INTO @queued (Id)
FROM dbo.NotificationDeliveries AS d
INNER JOIN OPENJSON(@P1) WITH (Id uniqueidentifier '$.id') AS w ON w.Id = d.Id
WHERE d.ClaimId = @P3 AND d.Stage = 2;
UPDATE d
SET Status = 'failed', Stage = NULL, ClaimId = NULL, LastError = w.LastError, UpdatedAt = @now
OUTPUT inserted.Id INTO @failed (Id)
FROM dbo.NotificationDeliveries AS d
INNER JOIN OPENJSON(@P2) WITH (Id uniqueidentifier '$.id', LastError nvarchar(1000) '$.error') AS w ON w.Id = d.Id
WHERE d.ClaimId = @P3 AND d.Stage = 2;
SELECT i.Id, i.ToAddress, i.ToFolded, i.ToName, i.UserId, i.Subject, i.TemplateId, i.Attachments, @now AS NowAt
FROM @queued AS q INNER JOIN dbo.MailIntents AS i ON i.Id = q.Id;
SELECT f.Id FROM @failed AS f;
