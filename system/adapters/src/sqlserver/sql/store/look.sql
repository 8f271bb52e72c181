-- What a commit finds, and locks until its end: the incarnation, the rows and tombstones of its ids, and who holds a
-- natural key that it wants. P1: the rows, JSON [{n, id, company, unit, date, provider}], without the key for a delete;
-- P2, P3: the caller and the key of the request, or nothing.
-- Rows first, then tombstones: a delete that comes between is seen as a tombstone, never as nothing.
-- FORCESEEK: a plan that scans would lock every row.
SELECT
    m.Incarnation,
    CASE
        WHEN EXISTS
            (
                SELECT 1 FROM dbo.ForecastAnswers AS a WITH (UPDLOCK)
                WHERE a.Caller = @P2 AND a.RequestKey = @P3 AND a.ExpiresAt > SYSUTCDATETIME()
            )
            THEN 1
        ELSE 0
    END AS AnswerStands
FROM dbo.ForecastMeta AS m WITH (HOLDLOCK);
SELECT w.N, f.VersionId, f.CompanyId, f.ProductionUnitId, f.ProviderId
FROM OPENJSON(@P1) WITH (N int '$.n', Id uniqueidentifier '$.id') AS w
INNER JOIN dbo.Forecasts AS f WITH (UPDLOCK, ROWLOCK, FORCESEEK) ON f.Id = w.Id
ORDER BY w.N;
SELECT w.N, t.VersionId
FROM OPENJSON(@P1) WITH (N int '$.n', Id uniqueidentifier '$.id') AS w
INNER JOIN dbo.ForecastTombstones AS t WITH (UPDLOCK, ROWLOCK, FORCESEEK) ON t.Id = w.Id
ORDER BY w.N;
SELECT TOP (1) f.Id
FROM OPENJSON(@P1)
    WITH (
        N int '$.n', CompanyId uniqueidentifier '$.company', ProductionUnitId uniqueidentifier '$.unit',
        ForecastDate datetime2(6) '$.date', ProviderId uniqueidentifier '$.provider'
    ) AS w
INNER JOIN dbo.Forecasts AS f
    ON f.CompanyId = w.CompanyId AND f.ProductionUnitId = w.ProductionUnitId AND f.ForecastDate = w.ForecastDate
        AND (f.ProviderId = w.ProviderId OR (f.ProviderId IS NULL AND w.ProviderId IS NULL))
WHERE f.Id NOT IN (SELECT o.Id FROM OPENJSON(@P1) WITH (Id uniqueidentifier '$.id') AS o)
ORDER BY w.N;
