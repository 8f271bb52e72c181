-- Moves the feed cursor, if the lease is this token's. P1: its name, P2: the token, P3: where to.
UPDATE dbo.ForecastLeases SET FeedCursor = @P3 WHERE Name = @P1 AND Token = @P2 AND Holder IS NOT NULL;
SELECT @@ROWCOUNT AS Changed;
