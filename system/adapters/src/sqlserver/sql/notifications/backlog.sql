-- What waits.
SELECT
    (SELECT COUNT(*) FROM dbo.NotificationDeliveries AS a WHERE a.Stage = 1) AS Pushes,
    (SELECT COUNT(*) FROM dbo.NotificationDeliveries AS b WHERE b.Stage = 2) AS MailIntents,
    (SELECT COUNT(*) FROM dbo.NotificationDeliveries AS c WHERE c.Stage = 3) AS Mails,
    (SELECT COUNT(*) FROM dbo.NotificationDeliveries AS d WHERE d.Status = 'unknown') AS Unknown,
    (SELECT MIN(e.CreatedAt) FROM dbo.NotificationDeliveries AS e WHERE e.Stage IS NOT NULL) AS Oldest;
