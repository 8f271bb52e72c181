-- Puts these in the place of a user's preferences. P1: the user, P2: JSON [{company, unit, channels}].
BEGIN TRANSACTION;
DELETE FROM dbo.NotificationPreferences WHERE UserId = @P1;
INSERT INTO dbo.NotificationPreferences (UserId, CompanyId, UnitId, Channels)
SELECT @P1, w.CompanyId, w.UnitId, w.Channels
FROM OPENJSON(@P2)
    WITH (CompanyId uniqueidentifier '$.company', UnitId uniqueidentifier '$.unit', Channels tinyint '$.channels') AS w;
COMMIT TRANSACTION;
