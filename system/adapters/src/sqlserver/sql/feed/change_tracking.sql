-- What changed since a version of Change Tracking, in one snapshot with the bounds of what can be asked for; one row for
-- a forecast, however often it changed. P1: since which version, P2 and P3: what was told of the version after it: rows
-- of version P2 up to the key P3 (the last 8 bytes of the id); P4: at most so many, and those with the last one's place.
-- "Placed" says whether the row was certainly not filed elsewhere in between: 1, or 0.
SET TRANSACTION ISOLATION LEVEL SNAPSHOT;
BEGIN TRANSACTION;
SELECT
    m.Incarnation,
    CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'dbo.Forecasts')) AS MinimumVersion,
    CHANGE_TRACKING_CURRENT_VERSION() AS CurrentVersion
FROM dbo.ForecastMeta AS m;
SELECT TOP (@P4) WITH TIES
    ct.SYS_CHANGE_VERSION AS ChangeVersion,
    SUBSTRING(CAST(ct.Id AS binary(16)), 9, 8) AS ChangeKey,
    ct.SYS_CHANGE_OPERATION AS Operation,
    ct.Id AS ChangedId,
    f.Id, f.CompanyId, f.ProductionUnitId, f.ProviderId, f.ForecastDate, f.Demand, f.Supply, f.ConfidenceLevel, f.Status,
    f.Tags, f.CreatedAt, f.UpdatedAt, f.VersionId,
    CASE WHEN f.WrittenVersion = f.VersionId THEN f.WrittenAt END AS WrittenAt,
    CASE WHEN f.WrittenVersion = f.VersionId THEN f.Traceparent END AS Traceparent,
    t.VersionId AS TombstoneVersion, t.DeletedAt, t.Traceparent AS TombstoneTraceparent,
    CASE
        WHEN ct.SYS_CHANGE_OPERATION = 'D' THEN CASE WHEN t.Moved = 0 THEN 1 ELSE 0 END
        WHEN ct.SYS_CHANGE_OPERATION = 'U' AND ct.SYS_CHANGE_COLUMNS IS NOT NULL
            AND CHANGE_TRACKING_IS_COLUMN_IN_MASK(
                    COLUMNPROPERTY(OBJECT_ID(N'dbo.Forecasts'), N'CompanyId', 'ColumnId'), ct.SYS_CHANGE_COLUMNS) = 0
            AND CHANGE_TRACKING_IS_COLUMN_IN_MASK(
                    COLUMNPROPERTY(OBJECT_ID(N'dbo.Forecasts'), N'ProductionUnitId', 'ColumnId'), ct.SYS_CHANGE_COLUMNS) = 0
            AND CHANGE_TRACKING_IS_COLUMN_IN_MASK(
                    COLUMNPROPERTY(OBJECT_ID(N'dbo.Forecasts'), N'ProviderId', 'ColumnId'), ct.SYS_CHANGE_COLUMNS) = 0
            THEN 1
        ELSE 0
    END AS Placed,
    t.CompanyId AS TombstoneCompanyId, t.ProductionUnitId AS TombstoneProductionUnitId,
    t.ProviderId AS TombstoneProviderId
FROM CHANGETABLE(CHANGES dbo.Forecasts, @P1) AS ct
LEFT OUTER JOIN dbo.Forecasts AS f ON f.Id = ct.Id
LEFT OUTER JOIN dbo.ForecastTombstones AS t ON t.Id = ct.Id
WHERE ct.SYS_CHANGE_VERSION > @P2
    OR (ct.SYS_CHANGE_VERSION = @P2 AND SUBSTRING(CAST(ct.Id AS binary(16)), 9, 8) > @P3)
ORDER BY ct.SYS_CHANGE_VERSION, SUBSTRING(CAST(ct.Id AS binary(16)), 9, 8);
COMMIT TRANSACTION;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
