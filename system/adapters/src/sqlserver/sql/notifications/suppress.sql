-- Sends nothing to an address any more; one that is suppressed keeps its reason. P1: the address, P2: the reason.
INSERT INTO dbo.MailSuppressions (Address, Reason, Since)
SELECT @P1, @P2, SYSUTCDATETIME()
WHERE NOT EXISTS (SELECT 1 FROM dbo.MailSuppressions AS x WITH (UPDLOCK, HOLDLOCK) WHERE x.Address = @P1);
