-- Prolongs a lease, if it is this token's. P1: its name, P2: the token, P3: for how many milliseconds from now.
DECLARE @now datetime2(6) = SYSUTCDATETIME();
UPDATE dbo.ForecastLeases SET ExpiresAt = DATEADD(MILLISECOND, @P3, @now), LifeMs = @P3, RenewedAt = @now
WHERE Name = @P1 AND Token = @P2 AND Holder IS NOT NULL;
SELECT @@ROWCOUNT AS Changed;
