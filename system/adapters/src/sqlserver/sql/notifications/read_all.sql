-- Marks what is not read, up to a time. P1: the user, P2: up to when, P3: when.
DECLARE @marked bigint;
BEGIN TRANSACTION;
-- Nothing else gets a position of this user's inbox meanwhile.
UPDATE dbo.NotificationPositions SET LastPosition = LastPosition WHERE UserId = @P1;
UPDATE n SET ReadAt = @P3, Position = p.LastPosition + r.Place
FROM dbo.Notifications AS n
INNER JOIN
    (
        SELECT b.Id, ROW_NUMBER() OVER (ORDER BY b.CreatedAt, b.Id) AS Place
        FROM dbo.Notifications AS b
        WHERE b.UserId = @P1 AND b.ReadAt IS NULL AND b.CreatedAt <= @P2
    ) AS r ON r.Id = n.Id
INNER JOIN dbo.NotificationPositions AS p ON p.UserId = n.UserId;
SET @marked = @@ROWCOUNT;
UPDATE dbo.NotificationPositions SET LastPosition = LastPosition + @marked WHERE UserId = @P1;
COMMIT TRANSACTION;
SELECT @marked AS Marked;
