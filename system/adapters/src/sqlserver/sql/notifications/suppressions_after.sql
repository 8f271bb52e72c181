-- The suppressed addresses after one of them, the last one first. P1: at most so many, P2, P3: that one's time and address.
SELECT TOP (@P1) x.Address, x.Reason, x.Since
FROM dbo.MailSuppressions AS x
WHERE x.Since <= @P2 AND (x.Since < @P2 OR x.Address > @P3)
ORDER BY x.Since DESC, x.Address;
