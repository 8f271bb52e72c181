-- The device of an address, locked (or its absence) until the end of the transaction. P1: the kind, P2: the address.
SELECT s.Id, s.UserId, s.IntegrationType, s.Token, s.SubscriptionJson, s.OSVersion, s.VapidKeyId, s.CreatedAt,
    s.LastSeenAt, s.MustResubscribe
FROM dbo.SysUserDeviceInfo AS s WITH (UPDLOCK, HOLDLOCK)
WHERE s.IntegrationType = @P1 AND s.AddressHash = HASHBYTES('SHA2_256', @P2);
