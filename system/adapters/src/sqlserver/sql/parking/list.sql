-- The parked events, the last one first. P1: at most so many.
SELECT TOP (@P1) p.Id, p.Topic, p.MessageKey, p.Payload, p.Properties, p.Entity, p.Reason, p.Attempts, p.ParkedAt
FROM dbo.ForecastParked AS p
ORDER BY p.Position DESC;
