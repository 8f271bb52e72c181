-- phase: expand
-- The procedures that the specification names. The service itself goes through them, as other programs may.

-- A page of a user's notifications, the newest first, with their number.
CREATE PROCEDURE dbo.GetNotifications
    @UserId uniqueidentifier,
    @Skip int = 0,
    @Take int = 20
AS
BEGIN
    SET NOCOUNT ON;
    SELECT t.Total, n.Id, n.UserId, n.Title, n.Body, n.Type, n.ReadAt, n.CreatedAt
    FROM (SELECT COUNT(*) AS Total FROM dbo.Notifications WHERE UserId = @UserId) AS t
    LEFT OUTER JOIN
        (
            SELECT Id, UserId, Title, Body, Type, ReadAt, CreatedAt
            FROM dbo.Notifications
            WHERE UserId = @UserId
            ORDER BY CreatedAt DESC, Id DESC
            OFFSET @Skip ROWS FETCH NEXT @Take ROWS ONLY
        ) AS n ON 1 = 1
    ORDER BY n.CreatedAt DESC, n.Id DESC;
END;
GO
-- Puts a notification into its user's inbox, at the next position of it. The positions of a user become visible in their
-- order: the counter's row is locked until the end of the transaction.
CREATE PROCEDURE dbo.InsertNotification
    @Id uniqueidentifier,
    @UserId uniqueidentifier,
    @Title nvarchar(400),
    @Body nvarchar(4000),
    @Type varchar(32),
    @CreatedAt datetime2(6) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    BEGIN TRANSACTION;
    UPDATE dbo.NotificationPositions SET LastPosition = LastPosition + 1 WHERE UserId = @UserId;
    IF @@ROWCOUNT = 0
        INSERT INTO dbo.NotificationPositions (UserId, LastPosition) VALUES (@UserId, 1);
    INSERT INTO dbo.Notifications (Id, UserId, Title, Body, Type, ReadAt, CreatedAt, Position)
    SELECT @Id, @UserId, @Title, @Body, @Type, NULL, COALESCE(@CreatedAt, SYSUTCDATETIME()), p.LastPosition
    FROM dbo.NotificationPositions AS p
    WHERE p.UserId = @UserId;
    COMMIT TRANSACTION;
END;
GO
-- The devices of a user, the one registered first first.
CREATE PROCEDURE dbo.GetUserDevices
    @UserId uniqueidentifier
AS
BEGIN
    SET NOCOUNT ON;
    SELECT
        Id, UserId, IntegrationType, Token, SubscriptionJson, OSVersion, VapidKeyId, CreatedAt, LastSeenAt,
        MustResubscribe
    FROM dbo.SysUserDeviceInfo
    WHERE UserId = @UserId
    ORDER BY CreatedAt, Id;
END;
GO
