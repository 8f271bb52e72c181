-- P1: what users get, JSON [{n, id, user, title, body, type, channels}], P2: the event, P3: when.
INSERT INTO dbo.NotificationAcceptances (Id, EventId, UserId, Title, Body, Type, Channels, CreatedAt)
SELECT w.Id, @P2, w.UserId, w.Title, w.Body, w.Type, w.Channels, @P3
FROM OPENJSON(@P1)
    WITH (
        N int '$.n', Id uniqueidentifier '$.id', UserId uniqueidentifier '$.user', Title nvarchar(400) '$.title',
        Body nvarchar(4000) '$.body', Type varchar(32) '$.type', Channels tinyint '$.channels'
    ) AS w
ORDER BY w.N;
