-- The migrations that were applied.
SELECT m.Number, m.Name, m.Hash, m.Phase FROM dbo.SmartPulseMigrations AS m ORDER BY m.Number;
