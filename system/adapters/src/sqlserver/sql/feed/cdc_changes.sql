-- The changes of a window of the log. Of a forecast that one transaction changed several times (a bare statement and the
-- trigger after it) there is the last image, with where it was filed before the transaction. P1, P2: the window's first
-- and last log sequence number, P3 and P4: what was told already: rows of the number P3 up to the place P4; P5: at most
-- so many. Operations: 1 delete, 2 insert, 4 update.
SELECT TOP (@P5)
    CAST(c.Lsn AS binary(10)) AS Lsn, c.Ordinal, c.Operation, c.FirstOperation,
    c.Id, c.CompanyId, c.ProductionUnitId, c.ProviderId, c.ForecastDate, c.Demand, c.Supply, c.ConfidenceLevel, c.Status,
    c.Tags, c.CreatedAt, c.UpdatedAt, c.VersionId,
    CASE
        WHEN c.Operation = 1 THEN t.DeletedAt
        WHEN c.WrittenVersion = c.VersionId THEN c.WrittenAt
    END AS WrittenAt,
    CASE
        WHEN c.Operation = 1 THEN t.Traceparent
        WHEN c.WrittenVersion = c.VersionId THEN c.Traceparent
    END AS Traceparent,
    c.BeforeCompanyId, c.BeforeProductionUnitId, c.BeforeProviderId
FROM
    (
        SELECT
            [__$start_lsn] AS Lsn, [__$operation] AS Operation,
            Id, CompanyId, ProductionUnitId, ProviderId, ForecastDate, Demand, Supply, ConfidenceLevel, Status, Tags, CreatedAt,
            UpdatedAt, VersionId, WrittenAt, WrittenVersion, Traceparent,
            ROW_NUMBER() OVER (PARTITION BY [__$start_lsn] ORDER BY [__$seqval], [__$operation], Id) AS Ordinal,
            ROW_NUMBER() OVER (PARTITION BY [__$start_lsn], Id ORDER BY [__$seqval] DESC, [__$operation] DESC) AS FromLast,
            FIRST_VALUE([__$operation])
                OVER (PARTITION BY [__$start_lsn], Id ORDER BY [__$seqval], [__$operation]) AS FirstOperation,
            FIRST_VALUE(CompanyId)
                OVER (PARTITION BY [__$start_lsn], Id ORDER BY [__$seqval], [__$operation]) AS BeforeCompanyId,
            FIRST_VALUE(ProductionUnitId)
                OVER (PARTITION BY [__$start_lsn], Id ORDER BY [__$seqval], [__$operation]) AS BeforeProductionUnitId,
            FIRST_VALUE(ProviderId)
                OVER (PARTITION BY [__$start_lsn], Id ORDER BY [__$seqval], [__$operation]) AS BeforeProviderId
        FROM cdc.fn_cdc_get_all_changes_dbo_Forecasts(@P1, @P2, N'all update old')
    ) AS c
LEFT OUTER JOIN dbo.ForecastTombstones AS t ON t.Id = c.Id AND t.VersionId = c.VersionId + 1
WHERE c.FromLast = 1 AND (c.Lsn > @P3 OR (c.Lsn = @P3 AND c.Ordinal > @P4))
ORDER BY c.Lsn, c.Ordinal;
