-- Takes a lease, if it is free: the same conditions as where it is looked at, under the row's lock. P1: its name, P2: who
-- takes it, P3: for how many milliseconds, P4: how many lives it may have before it if the clock went back.
DECLARE @now datetime2(6) = SYSUTCDATETIME();
DECLARE @taken TABLE (Token bigint NOT NULL, FeedCursor binary(16) NOT NULL);
BEGIN TRANSACTION;
UPDATE dbo.ForecastLeases
SET Token = Token + 1, Holder = @P2, ExpiresAt = DATEADD(MILLISECOND, @P3, @now), LifeMs = @P3, RenewedAt = @now
OUTPUT inserted.Token, inserted.FeedCursor INTO @taken (Token, FeedCursor)
WHERE Name = @P1
    AND (Holder IS NULL OR Holder = @P2 OR ExpiresAt <= @now
        OR DATEDIFF_BIG(MILLISECOND, @now, ExpiresAt) > CAST(LifeMs AS bigint) * @P4);
SELECT t.Token, t.FeedCursor, m.Incarnation
FROM @taken AS t CROSS JOIN dbo.ForecastMeta AS m WITH (HOLDLOCK);
COMMIT TRANSACTION;
