-- A page of a user's notifications after one of them. P1: the user, P2, P3: that one's time and id, P4: at most so many.
SELECT t.Total, n.Id, n.UserId, n.Title, n.Body, n.Type, n.ReadAt, n.CreatedAt
FROM (SELECT COUNT(*) AS Total FROM dbo.Notifications AS a WHERE a.UserId = @P1) AS t
LEFT OUTER JOIN
    (
        SELECT TOP (@P4) b.Id, b.UserId, b.Title, b.Body, b.Type, b.ReadAt, b.CreatedAt
        FROM dbo.Notifications AS b
        WHERE b.UserId = @P1 AND b.CreatedAt <= @P2 AND (b.CreatedAt < @P2 OR b.Id < @P3)
        ORDER BY b.CreatedAt DESC, b.Id DESC
    ) AS n ON 1 = 1
ORDER BY n.CreatedAt DESC, n.Id DESC;
