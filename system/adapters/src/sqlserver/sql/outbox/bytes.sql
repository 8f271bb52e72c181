-- How many bytes of events are not sent.
SELECT COALESCE(SUM(CAST(o.Bytes AS bigint)), 0) AS PendingBytes FROM dbo.ForecastOutbox AS o WHERE o.SentAt IS NULL;
