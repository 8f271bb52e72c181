-- What came of mails of a claim, then which of others are under way from now on. Of an unknown fate the row of the queue
-- decides. A mail that is sent needs its files no more: those that no other one needs are forgotten. P1: JSON [{id,
-- status, attempts, error, after, flag}], P2: those under way, JSON [{id}], P3: the claim.
DECLARE @now datetime2(6) = SYSUTCDATETIME();
DECLARE @reports TABLE
    (Id uniqueidentifier NOT NULL, Status varchar(16) NOT NULL, Attempts bigint NOT NULL, LastError nvarchar(1000) NULL,
    DueAt datetime2(6) NULL, Flag bit NOT NULL, ToFolded nvarchar(320) COLLATE Latin1_General_100_BIN2 NOT NULL);
DECLARE @sending TABLE (Id uniqueidentifier NOT NULL);
DECLARE @loose TABLE (AttachmentId uniqueidentifier NOT NULL);
INSERT INTO @reports (Id, Status, Attempts, LastError, DueAt, Flag, ToFolded)
SELECT
    w.Id,
    CASE WHEN w.Status = 'unknown' AND q.OnUnknown = 'resend' THEN 'queued' ELSE w.Status END,
    w.Attempts, w.LastError,
    CASE
        WHEN w.Status = 'unknown' AND q.OnUnknown = 'hold' THEN NULL
        ELSE DATEADD(MILLISECOND, w.AfterMs, @now)
    END,
    w.Flag, q.ToFolded
FROM OPENJSON(@P1)
    WITH (
        Id uniqueidentifier '$.id', Status varchar(16) '$.status', Attempts bigint '$.attempts',
        LastError nvarchar(1000) '$.error', AfterMs int '$.after', Flag bit '$.flag'
    ) AS w
INNER JOIN dbo.NheaMailQueue AS q ON q.Id = w.Id;
BEGIN TRANSACTION;
INSERT INTO dbo.MailSuppressions (Address, Reason, Since)
SELECT DISTINCT r.ToFolded, 'refused', @now
FROM @reports AS r
INNER JOIN dbo.NotificationDeliveries AS d ON d.Id = r.Id
WHERE r.Flag = 1 AND d.ClaimId = @P3 AND d.Stage = 3
    AND NOT EXISTS (SELECT 1 FROM dbo.MailSuppressions AS x WITH (UPDLOCK, HOLDLOCK) WHERE x.Address = r.ToFolded);
UPDATE d
SET Status = r.Status, Attempts = r.Attempts, LastError = r.LastError, UpdatedAt = @now,
    Stage = CASE WHEN r.DueAt IS NULL THEN NULL ELSE 3 END, DueAt = COALESCE(r.DueAt, d.DueAt),
    AvailableAt = COALESCE(r.DueAt, d.AvailableAt), ClaimId = CASE WHEN r.DueAt IS NULL THEN d.ClaimId END
FROM dbo.NotificationDeliveries AS d
INNER JOIN @reports AS r ON r.Id = d.Id
WHERE d.ClaimId = @P3 AND d.Stage = 3;
DELETE FROM dbo.MailAttachmentUses
OUTPUT deleted.AttachmentId INTO @loose (AttachmentId)
WHERE DeliveryId IN
    (
        SELECT d.Id FROM dbo.NotificationDeliveries AS d
        INNER JOIN @reports AS r ON r.Id = d.Id
        WHERE d.Status = 'sent'
    );
DELETE FROM dbo.MailAttachments
WHERE Id IN (SELECT l.AttachmentId FROM @loose AS l)
    AND NOT EXISTS (SELECT 1 FROM dbo.MailAttachmentUses AS u WHERE u.AttachmentId = dbo.MailAttachments.Id);
UPDATE d SET Status = 'sending', UpdatedAt = @now
OUTPUT inserted.Id INTO @sending (Id)
FROM dbo.NotificationDeliveries AS d
INNER JOIN OPENJSON(@P2) WITH (Id uniqueidentifier '$.id') AS w ON w.Id = d.Id
WHERE d.ClaimId = @P3 AND d.Stage = 3;
COMMIT TRANSACTION;
SELECT s.Id FROM @sending AS s;
