-- Deletes rows; the trigger leaves their tombstones, which get the trace of the write. P1: the ids, JSON [{id}], P2: the
-- trace, or nothing.
DELETE FROM dbo.Forecasts
WHERE Id IN (SELECT w.Id FROM OPENJSON(@P1) WITH (Id uniqueidentifier '$.id') AS w);
UPDATE dbo.ForecastTombstones SET Traceparent = @P2
WHERE Id IN (SELECT w.Id FROM OPENJSON(@P1) WITH (Id uniqueidentifier '$.id') AS w);
