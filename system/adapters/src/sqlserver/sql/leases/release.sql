-- Gives a lease up, if it is this token's. P1: its name, P2: the token.
UPDATE dbo.ForecastLeases SET Holder = NULL WHERE Name = @P1 AND Token = @P2 AND Holder IS NOT NULL;
SELECT @@ROWCOUNT AS Changed;
