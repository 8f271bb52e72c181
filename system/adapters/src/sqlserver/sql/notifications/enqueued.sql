-- The time, and which of these mails are there already. P1: their ids, JSON [{n, id}].
SELECT SYSUTCDATETIME() AS NowAt;
SELECT w.N
FROM OPENJSON(@P1) WITH (N int '$.n', Id uniqueidentifier '$.id') AS w
INNER JOIN dbo.NotificationDeliveries AS d ON d.Id = w.Id
ORDER BY w.N;
