-- Claims pushes that are due; those whose device is gone, or must subscribe again, are resolved. P1: the claim, P2: for
-- how many milliseconds, P3: at most so many, P4: how many milliseconds a claim lives at most. READPAST: what another
-- claim is about to take is left to it; where reads are versioned it needs READCOMMITTEDLOCK.
DECLARE @now datetime2(6) = SYSUTCDATETIME();
DECLARE @taken TABLE (Number bigint NOT NULL PRIMARY KEY, WasDue datetime2(6) NOT NULL);
BEGIN TRANSACTION;
UPDATE dbo.NotificationDeliveries SET ClaimId = NULL, AvailableAt = @now
WHERE Stage = 1 AND ClaimId IS NOT NULL AND Status <> 'sending' AND AvailableAt > DATEADD(MILLISECOND, @P4, @now);
UPDATE d SET ClaimId = @P1, AvailableAt = DATEADD(MILLISECOND, @P2, @now)
OUTPUT inserted.Number, deleted.AvailableAt INTO @taken (Number, WasDue)
FROM dbo.NotificationDeliveries AS d
INNER JOIN
    (
        SELECT TOP (@P3) w.Number
        FROM dbo.NotificationDeliveries AS w WITH (UPDLOCK, READPAST, ROWLOCK, READCOMMITTEDLOCK)
        WHERE w.Stage = 1 AND w.AvailableAt <= @now
        ORDER BY w.AvailableAt, w.Number
    ) AS due ON due.Number = d.Number;
UPDATE d
SET Stage = NULL, ClaimId = NULL, UpdatedAt = @now, Status = 'removed', LastError = N'the device was removed'
FROM dbo.NotificationDeliveries AS d
INNER JOIN @taken AS k ON k.Number = d.Number
WHERE NOT EXISTS
    (
        SELECT 1 FROM dbo.SysUserDeviceInfo AS s
        INNER JOIN dbo.NotificationAcceptances AS a ON a.UserId = s.UserId
        WHERE s.Id = d.DeviceId AND a.Id = d.NotificationId
    );
UPDATE d
SET Stage = NULL, ClaimId = NULL, UpdatedAt = @now, Status = 'skipped', LastError = N'the device must subscribe again'
FROM dbo.NotificationDeliveries AS d
INNER JOIN @taken AS k ON k.Number = d.Number
WHERE d.Stage = 1
    AND EXISTS (SELECT 1 FROM dbo.SysUserDeviceInfo AS s WHERE s.Id = d.DeviceId AND s.MustResubscribe = 1);
SELECT
    d.Id AS DeliveryId, d.Attempts, a.Id AS NotificationId, a.EventId, a.Title, a.Body, a.Type, d.WaitsSince,
    s.Id, s.UserId, s.IntegrationType, s.Token, s.SubscriptionJson, s.OSVersion, s.VapidKeyId, s.CreatedAt,
    s.LastSeenAt, s.MustResubscribe
FROM dbo.NotificationDeliveries AS d
INNER JOIN @taken AS k ON k.Number = d.Number
INNER JOIN dbo.NotificationAcceptances AS a ON a.Id = d.NotificationId
INNER JOIN dbo.SysUserDeviceInfo AS s ON s.Id = d.DeviceId AND s.UserId = a.UserId
WHERE d.Stage = 1
ORDER BY k.WasDue, k.Number;
COMMIT TRANSACTION;
