-- Files, in the order asked for. P1: their ids, JSON [{n, id}].
SELECT a.Id, a.Name, a.ContentType, a.Bytes
FROM OPENJSON(@P1) WITH (N int '$.n', Id uniqueidentifier '$.id') AS w
INNER JOIN dbo.MailAttachments AS a ON a.Id = w.Id
ORDER BY w.N;
