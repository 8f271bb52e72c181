-- Keeps an event that could not be worked on; one of the same id stays as it is. What is too many goes, the oldest first,
-- and is answered. P1: the id, P2: the topic, P3: the key, P4: the payload, P5: the properties, P6: the forecast, P7: the
-- reason, P8: the attempts, P9: when, P10: how many are kept.
DECLARE @gone TABLE (Id uniqueidentifier NOT NULL, Reason nvarchar(max) NOT NULL);
BEGIN TRANSACTION;
INSERT INTO dbo.ForecastParked (Id, Topic, MessageKey, Payload, Properties, Entity, Reason, Attempts, ParkedAt)
SELECT @P1, @P2, @P3, @P4, @P5, @P6, @P7, @P8, @P9
WHERE NOT EXISTS (SELECT 1 FROM dbo.ForecastParked AS p WITH (UPDLOCK, HOLDLOCK) WHERE p.Id = @P1);
DELETE FROM dbo.ForecastParked
OUTPUT deleted.Id, deleted.Reason INTO @gone (Id, Reason)
WHERE Position IN
    (SELECT p.Position FROM dbo.ForecastParked AS p ORDER BY p.Position DESC OFFSET @P10 ROWS);
COMMIT TRANSACTION;
SELECT g.Id, g.Reason FROM @gone AS g;
