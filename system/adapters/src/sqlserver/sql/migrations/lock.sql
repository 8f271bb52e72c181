-- One migrates at a time. The lock is the connection's; below 0: it was not to be had.
DECLARE @result int;
EXEC @result = sys.sp_getapplock
    @Resource = N'SmartPulse.Migrations', @LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 60000;
SELECT @result AS Result;
