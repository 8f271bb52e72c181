-- A file, unless it is there. P1: its id, P2: its name, P3: its type, P4: its bytes, P5: when.
INSERT INTO dbo.MailAttachments (Id, Name, ContentType, Bytes, Size, CreatedAt)
SELECT @P1, @P2, @P3, @P4, DATALENGTH(@P4), @P5
WHERE NOT EXISTS (SELECT 1 FROM dbo.MailAttachments AS a WITH (UPDLOCK, HOLDLOCK) WHERE a.Id = @P1);
