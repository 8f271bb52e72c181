-- The devices of users. P1: the users, JSON [{n, id}].
SELECT w.N, s.Id, s.IntegrationType
FROM OPENJSON(@P1) WITH (N int '$.n', Id uniqueidentifier '$.id') AS w
INNER JOIN dbo.SysUserDeviceInfo AS s ON s.UserId = w.Id
ORDER BY w.N, s.CreatedAt, s.Id;
