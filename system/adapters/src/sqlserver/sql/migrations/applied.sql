-- The migrations that were applied.
SELECT m.Number, m.Name, m.Hash FROM dbo.SmartPulseMigrations AS m ORDER BY m.Number;
