-- The versions under ids, in one snapshot. P1: the ids, JSON [{n, id}]. Without any there is one row, for the incarnation.
SELECT m.Incarnation, w.N, COALESCE(f.VersionId, t.VersionId, 0) AS VersionId
FROM dbo.ForecastMeta AS m
LEFT OUTER JOIN OPENJSON(@P1) WITH (N int '$.n', Id uniqueidentifier '$.id') AS w ON 1 = 1
LEFT OUTER JOIN dbo.Forecasts AS f ON f.Id = w.Id
LEFT OUTER JOIN dbo.ForecastTombstones AS t ON t.Id = w.Id
ORDER BY w.N;
