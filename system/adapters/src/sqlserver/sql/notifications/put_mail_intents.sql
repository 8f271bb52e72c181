-- Mails to render. P1: JSON [{id, to, folded, name, user, subject, template, data, files}]; data and files are JSON as text.
INSERT INTO dbo.MailIntents
    (Id, ToAddress, ToFolded, ToName, UserId, Subject, TemplateId, TemplateData, Attachments)
SELECT w.Id, w.ToAddress, w.ToFolded, w.ToName, w.UserId, w.Subject, w.TemplateId, w.TemplateData, w.Attachments
FROM OPENJSON(@P1)
    WITH (
        Id uniqueidentifier '$.id', ToAddress nvarchar(320) '$.to', ToFolded nvarchar(320) '$.folded',
        ToName nvarchar(400) '$.name', UserId uniqueidentifier '$.user', Subject nvarchar(400) '$.subject',
        TemplateId nvarchar(200) '$.template', TemplateData nvarchar(max) '$.data', Attachments nvarchar(max) '$.files'
    ) AS w;
