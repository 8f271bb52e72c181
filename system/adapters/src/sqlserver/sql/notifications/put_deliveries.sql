-- Deliveries, in their order. P1: JSON [{n, id, notification, device, channel, stage, status, error}], P2: when.
INSERT INTO dbo.NotificationDeliveries
    (Id, NotificationId, DeviceId, Channel, Stage, Status, LastError, CreatedAt, UpdatedAt, WaitsSince)
SELECT w.Id, w.NotificationId, w.DeviceId, w.Channel, w.Stage, w.Status, w.LastError, @P2, @P2, @P2
FROM OPENJSON(@P1)
    WITH (
        N int '$.n', Id uniqueidentifier '$.id', NotificationId uniqueidentifier '$.notification',
        DeviceId uniqueidentifier '$.device', Channel tinyint '$.channel', Stage tinyint '$.stage',
        Status varchar(16) '$.status', LastError nvarchar(1000) '$.error'
    ) AS w
ORDER BY w.N;
