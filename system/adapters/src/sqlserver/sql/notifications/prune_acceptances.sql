-- Forgets what told that an event was accepted, once its deliveries are gone. P1: at most so many, P2: from before.
DELETE FROM dbo.NotificationAcceptances
WHERE Id IN
    (
        SELECT TOP (@P1) o.Id
        FROM dbo.NotificationAcceptances AS o
        WHERE o.CreatedAt < @P2
            AND NOT EXISTS (SELECT 1 FROM dbo.NotificationDeliveries AS d WHERE d.NotificationId = o.Id)
        ORDER BY o.CreatedAt
    );
SELECT @@ROWCOUNT AS Changed;
