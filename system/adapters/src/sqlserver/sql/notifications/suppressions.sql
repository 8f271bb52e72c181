-- The suppressed addresses, the last one first. P1: at most so many.
SELECT TOP (@P1) x.Address, x.Reason, x.Since
FROM dbo.MailSuppressions AS x
ORDER BY x.Since DESC, x.Address;
