-- A higher incarnation than the present one and P1; all leases end. Waits for the commits under way, which hold the row.
DECLARE @raised TABLE (Incarnation bigint NOT NULL);
BEGIN TRANSACTION;
UPDATE dbo.ForecastLeases SET Holder = NULL WHERE Holder IS NOT NULL;
UPDATE dbo.ForecastMeta
SET Incarnation = 1 + CASE WHEN Incarnation > @P1 THEN Incarnation ELSE @P1 END
OUTPUT inserted.Incarnation INTO @raised (Incarnation);
COMMIT TRANSACTION;
SELECT r.Incarnation FROM @raised AS r;
