-- The rows with natural keys, in one snapshot. P1: the keys, JSON [{n, company, unit, date, provider}].
SELECT
    m.Incarnation, w.N,
    f.Id, f.CompanyId, f.ProductionUnitId, f.ProviderId, f.ForecastDate, f.Demand, f.Supply, f.ConfidenceLevel, f.Status,
    f.Tags, f.CreatedAt, f.UpdatedAt, f.VersionId
FROM dbo.ForecastMeta AS m
LEFT OUTER JOIN OPENJSON(@P1)
    WITH (
        N int '$.n', CompanyId uniqueidentifier '$.company', ProductionUnitId uniqueidentifier '$.unit',
        ForecastDate datetime2(6) '$.date', ProviderId uniqueidentifier '$.provider'
    ) AS w ON 1 = 1
LEFT OUTER JOIN dbo.Forecasts AS f
    ON f.CompanyId = w.CompanyId AND f.ProductionUnitId = w.ProductionUnitId AND f.ForecastDate = w.ForecastDate
        AND (f.ProviderId = w.ProviderId OR (f.ProviderId IS NULL AND w.ProviderId IS NULL))
ORDER BY w.N;
