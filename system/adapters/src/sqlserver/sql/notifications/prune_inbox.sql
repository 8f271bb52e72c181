-- Forgets notifications. P1: at most so many, P2: from before.
DELETE FROM dbo.Notifications
WHERE Id IN
    (
        SELECT TOP (@P1) o.Id
        FROM dbo.Notifications AS o
        WHERE o.CreatedAt < @P2
        ORDER BY o.CreatedAt
    );
SELECT @@ROWCOUNT AS Changed;
