-- How many devices a user has. P1: the user.
SELECT COUNT(*) AS Devices FROM dbo.SysUserDeviceInfo AS s WHERE s.UserId = @P1;
