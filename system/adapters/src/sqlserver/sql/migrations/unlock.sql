-- Another one may migrate.
EXEC sys.sp_releaseapplock @Resource = N'SmartPulse.Migrations', @LockOwner = N'Session';
