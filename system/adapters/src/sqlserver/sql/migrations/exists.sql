-- Whether the table of migrations is there.
SELECT CASE WHEN OBJECT_ID(N'dbo.SmartPulseMigrations', N'U') IS NULL THEN 0 ELSE 1 END AS IsThere;
