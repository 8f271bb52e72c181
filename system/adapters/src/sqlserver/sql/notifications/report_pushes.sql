-- What came of pushes of a claim; answers which were its own. A row without a due time is done with; it keeps the claim's
-- name, so that the same report, made again, is no stranger's. P1: JSON [{id, status, attempts, error, after, flag}], P2:
-- the claim.
DECLARE @now datetime2(6) = SYSUTCDATETIME();
DECLARE @reports TABLE
    (Id uniqueidentifier NOT NULL, Status varchar(16) NOT NULL, Attempts bigint NOT NULL, LastError nvarchar(1000) NULL,
    DueAt datetime2(6) NULL, Flag bit NOT NULL);
DECLARE @own TABLE (Id uniqueidentifier NOT NULL, DeviceId uniqueidentifier NULL);
INSERT INTO @reports (Id, Status, Attempts, LastError, DueAt, Flag)
SELECT w.Id, w.Status, w.Attempts, w.LastError, DATEADD(MILLISECOND, w.AfterMs, @now), w.Flag
FROM OPENJSON(@P1)
    WITH (
        Id uniqueidentifier '$.id', Status varchar(16) '$.status', Attempts bigint '$.attempts',
        LastError nvarchar(1000) '$.error', AfterMs int '$.after', Flag bit '$.flag'
    ) AS w;
BEGIN TRANSACTION;
UPDATE d
SET Status = r.Status, Attempts = r.Attempts, LastError = r.LastError, UpdatedAt = @now,
    Stage = CASE WHEN r.DueAt IS NULL THEN NULL ELSE 1 END, DueAt = COALESCE(r.DueAt, d.DueAt),
    AvailableAt = COALESCE(r.DueAt, d.AvailableAt), ClaimId = CASE WHEN r.DueAt IS NULL THEN d.ClaimId END
OUTPUT inserted.Id, inserted.DeviceId INTO @own (Id, DeviceId)
FROM dbo.NotificationDeliveries AS d
INNER JOIN @reports AS r ON r.Id = d.Id
WHERE d.ClaimId = @P2;
DELETE FROM dbo.SysUserDeviceInfo
WHERE Id IN (SELECT o.DeviceId FROM @own AS o INNER JOIN @reports AS r ON r.Id = o.Id WHERE r.Status = 'removed');
UPDATE dbo.SysUserDeviceInfo SET MustResubscribe = 1
WHERE Id IN (SELECT o.DeviceId FROM @own AS o INNER JOIN @reports AS r ON r.Id = o.Id WHERE r.Flag = 1);
COMMIT TRANSACTION;
SELECT o.Id FROM @own AS o;
