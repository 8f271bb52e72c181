-- Forgets a device. P1: its id, P2: the user.
DELETE FROM dbo.SysUserDeviceInfo WHERE Id = @P1 AND UserId = @P2;
SELECT @@ROWCOUNT AS Changed;
