-- A higher incarnation than the present one and P1. Waits for the commits under way, which hold the row.
DECLARE @raised TABLE (Incarnation bigint NOT NULL);
UPDATE dbo.ForecastMeta
SET Incarnation = 1 + CASE WHEN Incarnation > @P1 THEN Incarnation ELSE @P1 END
OUTPUT inserted.Incarnation INTO @raised (Incarnation);
SELECT r.Incarnation FROM @raised AS r;
