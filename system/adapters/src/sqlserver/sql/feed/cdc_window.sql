-- What CDC can be asked for. First how long ago that renewal of a lease was made that capture saw last: it has seen all
-- that was committed before; then the window, which so reaches at least that far; then the capture instances that have all
-- the columns that are read, the one that reaches back farthest first. P1: the columns, JSON [name].
SELECT
    DATEDIFF_BIG(MICROSECOND,
        (
            SELECT TOP (1) l.RenewedAt
            FROM cdc.dbo_ForecastLeases_CT AS l
            WHERE l.[__$operation] = 4
            ORDER BY l.[__$start_lsn] DESC, l.[__$seqval] DESC
        ), SYSUTCDATETIME()) AS SeenUsAgo;
SELECT m.Incarnation, CAST(sys.fn_cdc_get_max_lsn() AS binary(10)) AS MaximumLsn
FROM dbo.ForecastMeta AS m;
SELECT i.capture_instance AS Instance, CAST(i.start_lsn AS binary(10)) AS StartLsn
FROM cdc.change_tables AS i
WHERE i.source_object_id = OBJECT_ID(N'dbo.Forecasts')
    AND NOT EXISTS
        (
            SELECT 1 FROM OPENJSON(@P1) AS w
            WHERE NOT EXISTS
                (
                    SELECT 1 FROM cdc.captured_columns AS c
                    WHERE c.object_id = i.object_id AND c.column_name = w.[value] COLLATE DATABASE_DEFAULT
                )
        )
ORDER BY i.start_lsn;
