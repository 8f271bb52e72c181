-- The database's incarnation.
SELECT m.Incarnation FROM dbo.ForecastMeta AS m;
