-- Writes to an address again. P1: the address.
DELETE FROM dbo.MailSuppressions WHERE Address = @P1;
SELECT @@ROWCOUNT AS Changed;
