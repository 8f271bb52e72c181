-- One parked event. P1: its id.
SELECT p.Id, p.Topic, p.MessageKey, p.Payload, p.Properties, p.Entity, p.Reason, p.Attempts, p.ParkedAt
FROM dbo.ForecastParked AS p
WHERE p.Id = @P1;
