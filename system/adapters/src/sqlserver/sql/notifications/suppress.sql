-- Sends nothing to an address any more. What a person wants goes over what a mail server said; else the first reason stays.
-- P1: the address, P2: the reason.
UPDATE dbo.MailSuppressions SET Reason = @P2, Since = SYSUTCDATETIME()
WHERE Address = @P1 AND Reason = 'refused' AND @P2 = 'unsubscribed';
INSERT INTO dbo.MailSuppressions (Address, Reason, Since)
SELECT @P1, @P2, SYSUTCDATETIME()
WHERE NOT EXISTS (SELECT 1 FROM dbo.MailSuppressions AS x WITH (UPDLOCK, HOLDLOCK) WHERE x.Address = @P1);
