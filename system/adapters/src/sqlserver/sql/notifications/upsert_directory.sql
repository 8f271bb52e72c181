-- Writes entries over those of the same ids. P1: users, JSON [{id, name, address}], P2: units, JSON [{id, name}].
BEGIN TRANSACTION;
UPDATE u SET Name = w.Name, Address = w.Address
FROM dbo.UserDirectory AS u
INNER JOIN OPENJSON(@P1)
    WITH (Id uniqueidentifier '$.id', Name nvarchar(400) '$.name', Address nvarchar(320) '$.address') AS w
    ON w.Id = u.UserId;
INSERT INTO dbo.UserDirectory (UserId, Name, Address)
SELECT w.Id, w.Name, w.Address
FROM OPENJSON(@P1)
    WITH (Id uniqueidentifier '$.id', Name nvarchar(400) '$.name', Address nvarchar(320) '$.address') AS w
WHERE NOT EXISTS (SELECT 1 FROM dbo.UserDirectory AS u WHERE u.UserId = w.Id);
UPDATE u SET Name = w.Name
FROM dbo.UnitDirectory AS u
INNER JOIN OPENJSON(@P2) WITH (Id uniqueidentifier '$.id', Name nvarchar(400) '$.name') AS w ON w.Id = u.UnitId;
INSERT INTO dbo.UnitDirectory (UnitId, Name)
SELECT w.Id, w.Name
FROM OPENJSON(@P2) WITH (Id uniqueidentifier '$.id', Name nvarchar(400) '$.name') AS w
WHERE NOT EXISTS (SELECT 1 FROM dbo.UnitDirectory AS u WHERE u.UnitId = w.Id);
COMMIT TRANSACTION;
