-- What an acceptance finds: the time and whether an answer stands under its key; of each user what was accepted before
-- under the event. P1: the users, JSON [{n, id}], P2: the event, P3, P4: the caller and the key of the request, or nothing.
SELECT
    SYSUTCDATETIME() AS NowAt,
    CASE
        WHEN EXISTS
            (
                SELECT 1 FROM dbo.NotificationAnswers AS a WITH (UPDLOCK)
                WHERE a.Caller = @P3 AND a.RequestKey = @P4 AND a.ExpiresAt > SYSUTCDATETIME()
            )
            THEN 1
        ELSE 0
    END AS AnswerStands;
SELECT
    w.N, a.Id,
    (
        SELECT COUNT(*) FROM dbo.NotificationDeliveries AS d WHERE d.NotificationId = a.Id AND d.Channel = 2
    ) AS Devices
FROM OPENJSON(@P1) WITH (N int '$.n', Id uniqueidentifier '$.id') AS w
INNER JOIN dbo.NotificationAcceptances AS a ON a.EventId = @P2 AND a.UserId = w.Id
ORDER BY w.N;
