-- The answer kept under a key, unless it expired. P1: the caller, P2: the key.
SELECT a.Fingerprint, a.Response, a.ExpiresAt
FROM dbo.ForecastAnswers AS a
WHERE a.Caller = @P1 AND a.RequestKey = @P2 AND a.ExpiresAt > SYSUTCDATETIME();
