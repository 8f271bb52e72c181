-- Puts a device in the place of the one of its address. P1: the id, P2: the user, P3: the kind, P4: the token, P5: the
-- subscription, P6: the version of its system, P7: the key it is bound to, P8: the address, P9, P10: registered and seen.
DELETE FROM dbo.SysUserDeviceInfo
WHERE IntegrationType = @P3 AND AddressHash = HASHBYTES('SHA2_256', @P8) AND Id <> @P1;
UPDATE dbo.SysUserDeviceInfo
SET Token = @P4, SubscriptionJson = @P5, OSVersion = @P6, VapidKeyId = @P7, LastSeenAt = @P10, MustResubscribe = 0
WHERE Id = @P1;
IF @@ROWCOUNT = 0
    INSERT INTO dbo.SysUserDeviceInfo
        (Id, UserId, IntegrationType, Token, SubscriptionJson, OSVersion, VapidKeyId, AddressHash, CreatedAt, LastSeenAt,
        MustResubscribe)
    VALUES (@P1, @P2, @P3, @P4, @P5, @P6, @P7, HASHBYTES('SHA2_256', @P8), @P9, @P10, 0);
