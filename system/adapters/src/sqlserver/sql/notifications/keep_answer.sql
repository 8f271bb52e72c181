-- Keeps an answer; whether the key is free was checked in the same transaction. P1: the caller, P2: the key, P3: the
-- fingerprint, P4: the answer, P5: until when.
UPDATE dbo.NotificationAnswers SET Fingerprint = @P3, Response = @P4, ExpiresAt = @P5
WHERE Caller = @P1 AND RequestKey = @P2;
IF @@ROWCOUNT = 0
    INSERT INTO dbo.NotificationAnswers (Caller, RequestKey, Fingerprint, Response, ExpiresAt)
    VALUES (@P1, @P2, @P3, @P4, @P5);
