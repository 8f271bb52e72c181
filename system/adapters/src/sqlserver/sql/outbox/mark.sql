-- Marks events as sent. P1: the ids, JSON [id].
UPDATE dbo.ForecastOutbox SET SentAt = SYSUTCDATETIME()
WHERE SentAt IS NULL AND Id IN (SELECT CAST(j.[value] AS bigint) FROM OPENJSON(@P1) AS j);
