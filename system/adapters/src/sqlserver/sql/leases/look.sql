-- Whether another process has a lease, and for how long. P1: its name, P2: who asks.
SELECT
    CASE WHEN l.Holder IS NOT NULL AND l.Holder <> @P2 THEN 1 ELSE 0 END AS IsHeld,
    DATEDIFF_BIG(MICROSECOND, SYSUTCDATETIME(), l.ExpiresAt) AS LeftUs,
    l.LifeMs
FROM dbo.ForecastLeases AS l
WHERE l.Name = @P1;
