-- A user's preferences, that for the whole company first. P1: the user.
SELECT p.CompanyId, p.UnitId, p.Channels
FROM dbo.NotificationPreferences AS p
WHERE p.UserId = @P1
ORDER BY p.CompanyId, p.UnitId;
