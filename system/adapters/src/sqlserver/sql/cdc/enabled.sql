-- Whether the database has CDC.
SELECT CAST(d.is_cdc_enabled AS int) AS IsCdc FROM sys.databases AS d WHERE d.database_id = DB_ID();
