-- How many notifications a user has not read. P1: the user.
SELECT COUNT(*) AS Unread FROM dbo.Notifications AS n WHERE n.UserId = @P1 AND n.ReadAt IS NULL;
