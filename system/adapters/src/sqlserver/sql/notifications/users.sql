-- The entries of users. P1: JSON [{n, id}].
SELECT u.UserId, u.Name, u.Address
FROM OPENJSON(@P1) WITH (N int '$.n', Id uniqueidentifier '$.id') AS w
INNER JOIN dbo.UserDirectory AS u ON u.UserId = w.Id
ORDER BY w.N;
