-- Needs sysadmin (on Azure SQL Database: db_owner).
EXEC sys.sp_cdc_enable_db;
