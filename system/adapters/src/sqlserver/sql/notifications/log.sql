-- A notification and its deliveries. P1: the notification.
SELECT
    a.UserId, a.Channels, a.CreatedAt AS AcceptedAt, d.Id, d.Channel, d.DeviceId, d.Status, d.Attempts, d.LastError,
    d.CreatedAt, d.UpdatedAt
FROM dbo.NotificationAcceptances AS a
LEFT OUTER JOIN dbo.NotificationDeliveries AS d ON d.NotificationId = a.Id
WHERE a.Id = @P1;
