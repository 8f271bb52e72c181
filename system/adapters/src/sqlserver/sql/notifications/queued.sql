-- After mails went into the queue: the tokens of addresses that have none yet; their intents go. P1: JSON [{id, token}].
INSERT INTO dbo.MailUnsubscribeTokens (Address, Token)
SELECT i.ToFolded, MIN(w.Token)
FROM OPENJSON(@P1) WITH (Id uniqueidentifier '$.id', Token nvarchar(200) '$.token') AS w
INNER JOIN dbo.MailIntents AS i ON i.Id = w.Id
WHERE NOT EXISTS (SELECT 1 FROM dbo.MailUnsubscribeTokens AS t WITH (UPDLOCK, HOLDLOCK) WHERE t.Address = i.ToFolded)
GROUP BY i.ToFolded;
DELETE FROM dbo.MailIntents
WHERE Id IN (SELECT w.Id FROM OPENJSON(@P1) WITH (Id uniqueidentifier '$.id') AS w);
