-- How many files there are, and of how many bytes.
SELECT COUNT_BIG(*) AS Files, COALESCE(SUM(a.Size), 0) AS HeldBytes FROM dbo.MailAttachments AS a;
