-- Marks a notification as read, unless it is. P1: the user, P2: the notification, P3: when.
BEGIN TRANSACTION;
UPDATE dbo.NotificationPositions SET LastPosition = LastPosition + 1
WHERE UserId = @P1
    AND EXISTS (SELECT 1 FROM dbo.Notifications AS n WHERE n.Id = @P2 AND n.UserId = @P1 AND n.ReadAt IS NULL);
UPDATE n SET ReadAt = @P3, Position = p.LastPosition
FROM dbo.Notifications AS n
INNER JOIN dbo.NotificationPositions AS p ON p.UserId = n.UserId
WHERE n.Id = @P2 AND n.UserId = @P1 AND n.ReadAt IS NULL;
COMMIT TRANSACTION;
SELECT n.Id, n.UserId, n.Title, n.Body, n.Type, n.ReadAt, n.CreatedAt
FROM dbo.Notifications AS n
WHERE n.Id = @P2 AND n.UserId = @P1;
