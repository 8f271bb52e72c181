-- Keeps events, in their order. P1: the events, JSON [{n, topic, key, payload, properties, bytes}], P2: when.
INSERT INTO dbo.ForecastOutbox (Topic, MessageKey, Payload, Properties, BornAt, Bytes, SentAt)
SELECT e.Topic, e.MessageKey, e.Payload, e.Properties, @P2, e.Bytes, NULL
FROM OPENJSON(@P1)
    WITH (
        N int '$.n', Topic varchar(64) '$.topic', MessageKey nvarchar(400) '$.key', Payload nvarchar(max) '$.payload',
        Properties nvarchar(max) '$.properties', Bytes int '$.bytes'
    ) AS e
ORDER BY e.N;
