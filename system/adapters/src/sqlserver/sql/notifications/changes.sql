-- What happened in a user's inbox after a position. P1: the user, P2: the position, P3: at most so many.
SELECT h.LastPosition, h.Unread, n.Position, n.Id, n.UserId, n.Title, n.Body, n.Type, n.ReadAt, n.CreatedAt
FROM
    (
        SELECT
            COALESCE((SELECT p.LastPosition FROM dbo.NotificationPositions AS p WHERE p.UserId = @P1), 0) AS LastPosition,
            (SELECT COUNT(*) FROM dbo.Notifications AS u WHERE u.UserId = @P1 AND u.ReadAt IS NULL) AS Unread
    ) AS h
LEFT OUTER JOIN
    (
        SELECT TOP (@P3) b.Position, b.Id, b.UserId, b.Title, b.Body, b.Type, b.ReadAt, b.CreatedAt
        FROM dbo.Notifications AS b
        WHERE b.UserId = @P1 AND b.Position > @P2
        ORDER BY b.Position
    ) AS n ON 1 = 1
ORDER BY n.Position;
