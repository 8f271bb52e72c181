-- The database and its two logins. Run by sqlcmd with the variables OwnerPassword and AppPassword; it may run again.
IF DB_ID(N'SmartPulse') IS NULL
    CREATE DATABASE SmartPulse;
GO
-- Who migrates. CDC, where it is wanted, is enabled by a sysadmin: once, by hand (sys.sp_cdc_enable_db).
IF SUSER_ID(N'smartpulse_owner') IS NULL
    CREATE LOGIN smartpulse_owner WITH PASSWORD = N'$(OwnerPassword)';
IF SUSER_ID(N'smartpulse') IS NULL
    CREATE LOGIN smartpulse WITH PASSWORD = N'$(AppPassword)';
GO
USE SmartPulse;
GO
IF USER_ID(N'smartpulse_owner') IS NULL
    CREATE USER smartpulse_owner FOR LOGIN smartpulse_owner;
IF USER_ID(N'smartpulse') IS NULL
    CREATE USER smartpulse FOR LOGIN smartpulse;
GO
ALTER ROLE db_owner ADD MEMBER smartpulse_owner;
ALTER ROLE db_datareader ADD MEMBER smartpulse;
ALTER ROLE db_datawriter ADD MEMBER smartpulse;
-- The procedures; what changed; which history of the database this is.
GRANT EXECUTE ON SCHEMA::dbo TO smartpulse;
GRANT VIEW CHANGE TRACKING ON SCHEMA::dbo TO smartpulse;
GRANT VIEW DATABASE STATE TO smartpulse;
GO
