-- A higher incarnation than the present one and P1; all leases end, and their tokens go on above all that the incarnations
-- before had to themselves (domain::ports::tokens_before). Waits for the commits under way, which hold the row.
DECLARE @raised TABLE (Incarnation bigint NOT NULL);
BEGIN TRANSACTION;
UPDATE dbo.ForecastLeases SET Holder = NULL WHERE Holder IS NOT NULL;
UPDATE dbo.ForecastMeta
SET Incarnation = 1 + CASE WHEN Incarnation > @P1 THEN Incarnation ELSE @P1 END
OUTPUT inserted.Incarnation INTO @raised (Incarnation);
DECLARE @before bigint =
    (SELECT CASE WHEN r.Incarnation > 1048576 THEN 1048576 ELSE r.Incarnation - 1 END * CAST(4294967296 AS bigint)
    FROM @raised AS r);
UPDATE dbo.ForecastLeases SET Token = @before WHERE Token < @before;
COMMIT TRANSACTION;
SELECT r.Incarnation FROM @raised AS r;
