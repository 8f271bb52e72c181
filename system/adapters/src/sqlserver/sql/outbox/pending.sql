-- What is not sent, in the order of the ids. P1: at most so many.
SELECT TOP (@P1) o.Id, o.Topic, o.MessageKey, o.Payload, o.Properties, o.BornAt
FROM dbo.ForecastOutbox AS o
WHERE o.SentAt IS NULL
ORDER BY o.Id;
