-- One row, or its tombstone's version, in one snapshot. P1: the id.
SELECT
    m.Incarnation, t.VersionId AS TombstoneVersion,
    f.Id, f.CompanyId, f.ProductionUnitId, f.ProviderId, f.ForecastDate, f.Demand, f.Supply, f.ConfidenceLevel, f.Status,
    f.Tags, f.CreatedAt, f.UpdatedAt, f.VersionId
FROM dbo.ForecastMeta AS m
LEFT OUTER JOIN dbo.Forecasts AS f ON f.Id = @P1
LEFT OUTER JOIN dbo.ForecastTombstones AS t ON t.Id = @P1;
