-- Ends mails to the address of a token, also where a mail server had refused it; answers how many addresses that are. P1:
-- the token, P2: the reason.
UPDATE x SET Reason = @P2, Since = SYSUTCDATETIME()
FROM dbo.MailSuppressions AS x
INNER JOIN dbo.MailUnsubscribeTokens AS t ON t.Address = x.Address
WHERE t.Token = @P1 AND x.Reason = 'refused';
INSERT INTO dbo.MailSuppressions (Address, Reason, Since)
SELECT t.Address, @P2, SYSUTCDATETIME()
FROM dbo.MailUnsubscribeTokens AS t
WHERE t.Token = @P1
    AND NOT EXISTS (SELECT 1 FROM dbo.MailSuppressions AS x WITH (UPDLOCK, HOLDLOCK) WHERE x.Address = t.Address);
SELECT COUNT(*) AS Addresses FROM dbo.MailUnsubscribeTokens AS t WHERE t.Token = @P1;
