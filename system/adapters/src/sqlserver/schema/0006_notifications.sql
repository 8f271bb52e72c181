-- phase: expand
-- The notification service. It shares no table with the forecasts. The names are the specification's, where it has any.

-- What was accepted for a user, once for each event. Kept longer than the bus can deliver the event again.
CREATE TABLE dbo.NotificationAcceptances
(
    Id        uniqueidentifier NOT NULL CONSTRAINT PK_NotificationAcceptances PRIMARY KEY,
    EventId   uniqueidentifier NOT NULL,
    UserId    uniqueidentifier NOT NULL,
    Title     nvarchar(400)    NOT NULL,
    Body      nvarchar(4000)   NOT NULL,
    Type      varchar(32)      NOT NULL,
    Channels  tinyint          NOT NULL,
    CreatedAt datetime2(6)     NOT NULL,
    CONSTRAINT UX_NotificationAcceptances_Event UNIQUE (EventId, UserId)
);
CREATE INDEX IX_NotificationAcceptances_ByAge ON dbo.NotificationAcceptances (CreatedAt);
GO
-- The answers kept for requests that may be repeated.
CREATE TABLE dbo.NotificationAnswers
(
    Caller      uniqueidentifier NOT NULL,
    RequestKey  nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Fingerprint binary(16)       NOT NULL,
    Response    varbinary(max)   NOT NULL,
    ExpiresAt   datetime2(6)     NOT NULL,
    CONSTRAINT PK_NotificationAnswers PRIMARY KEY (Caller, RequestKey)
);
CREATE INDEX IX_NotificationAnswers_ByExpiry ON dbo.NotificationAnswers (ExpiresAt);
GO
-- The in-app channel. The position of a row is that of its last change among those of its user.
CREATE TABLE dbo.Notifications
(
    Id        uniqueidentifier NOT NULL CONSTRAINT PK_Notifications PRIMARY KEY,
    UserId    uniqueidentifier NOT NULL,
    Title     nvarchar(400)    NOT NULL,
    Body      nvarchar(4000)   NOT NULL,
    Type      varchar(32)      NOT NULL,
    ReadAt    datetime2(6)     NULL,
    CreatedAt datetime2(6)     NOT NULL,
    Position  bigint           NOT NULL
);
CREATE INDEX IX_Notifications_ByUser ON dbo.Notifications (UserId, CreatedAt DESC, Id DESC);
CREATE UNIQUE INDEX UX_Notifications_ByPosition ON dbo.Notifications (UserId, Position);
CREATE INDEX IX_Notifications_Unread ON dbo.Notifications (UserId, CreatedAt, Id) WHERE ReadAt IS NULL;
CREATE INDEX IX_Notifications_ByAge ON dbo.Notifications (CreatedAt);
CREATE TABLE dbo.NotificationPositions
(
    UserId       uniqueidentifier NOT NULL CONSTRAINT PK_NotificationPositions PRIMARY KEY,
    LastPosition bigint           NOT NULL
);
GO
-- The devices of users. The address is the endpoint or the token: it names the device, and is a capability. It is too
-- long for an index; its hash is not.
CREATE TABLE dbo.SysUserDeviceInfo
(
    Id               uniqueidentifier NOT NULL CONSTRAINT PK_SysUserDeviceInfo PRIMARY KEY,
    UserId           uniqueidentifier NOT NULL,
    IntegrationType  int              NOT NULL
        CONSTRAINT CK_SysUserDeviceInfo_IntegrationType CHECK (IntegrationType IN (0, 1)),
    Token            nvarchar(max)    NULL,
    SubscriptionJson nvarchar(max)    NULL,
    OSVersion        nvarchar(128)    NULL,
    VapidKeyId       nvarchar(200)    NULL,
    AddressHash      binary(32)       NOT NULL,
    CreatedAt        datetime2(6)     NOT NULL,
    LastSeenAt       datetime2(6)     NOT NULL,
    MustResubscribe  bit              NOT NULL CONSTRAINT DF_SysUserDeviceInfo_MustResubscribe DEFAULT 0,
    CONSTRAINT UX_SysUserDeviceInfo_Address UNIQUE (IntegrationType, AddressHash)
);
CREATE INDEX IX_SysUserDeviceInfo_ByUser ON dbo.SysUserDeviceInfo (UserId, CreatedAt, Id);
GO
-- Who wants to be told of what. No unit: all of the company's (NULLs are equal in this index, and come first).
CREATE TABLE dbo.NotificationPreferences
(
    UserId    uniqueidentifier NOT NULL,
    CompanyId uniqueidentifier NOT NULL,
    UnitId    uniqueidentifier NULL,
    Channels  tinyint          NOT NULL
);
CREATE UNIQUE CLUSTERED INDEX UX_NotificationPreferences ON dbo.NotificationPreferences (UserId, CompanyId, UnitId);
CREATE INDEX IX_NotificationPreferences_ByCompany
    ON dbo.NotificationPreferences (CompanyId, UserId, UnitId) INCLUDE (Channels);
GO
-- Whom and what the ids name.
CREATE TABLE dbo.UserDirectory
(
    UserId  uniqueidentifier NOT NULL CONSTRAINT PK_UserDirectory PRIMARY KEY,
    Name    nvarchar(400)    NOT NULL,
    Address nvarchar(320)    NULL
);
CREATE TABLE dbo.UnitDirectory
(
    UnitId uniqueidentifier NOT NULL CONSTRAINT PK_UnitDirectory PRIMARY KEY,
    Name   nvarchar(400)    NOT NULL
);
GO
-- What is to be delivered, and what became of it. A row waits at a stage (1 push, 2 render a mail, 3 send it), or at none
-- any more. Whoever claims it holds it until its claim is over: until then it is not available. Its age counts from when it
-- was accepted, or was last sent again by a person: since then it waits.
CREATE TABLE dbo.NotificationDeliveries
(
    Number         bigint IDENTITY (1, 1) NOT NULL CONSTRAINT PK_NotificationDeliveries PRIMARY KEY,
    Id             uniqueidentifier NOT NULL CONSTRAINT UX_NotificationDeliveries_Id UNIQUE,
    NotificationId uniqueidentifier NULL,
    DeviceId       uniqueidentifier NULL,
    Channel        tinyint          NOT NULL,
    Stage          tinyint          NULL CONSTRAINT CK_NotificationDeliveries_Stage CHECK (Stage IN (1, 2, 3)),
    Status         varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Attempts       bigint           NOT NULL CONSTRAINT DF_NotificationDeliveries_Attempts DEFAULT 0,
    LastError      nvarchar(1000)   NULL,
    DueAt          datetime2(6)     NOT NULL CONSTRAINT DF_NotificationDeliveries_DueAt DEFAULT '2000-01-01',
    AvailableAt    datetime2(6)     NOT NULL CONSTRAINT DF_NotificationDeliveries_AvailableAt DEFAULT '2000-01-01',
    ClaimId        uniqueidentifier NULL,
    CreatedAt      datetime2(6)     NOT NULL,
    UpdatedAt      datetime2(6)     NOT NULL,
    WaitsSince     datetime2(6)     NOT NULL
);
CREATE INDEX IX_NotificationDeliveries_Waiting
    ON dbo.NotificationDeliveries (Stage, AvailableAt, Number) WHERE Stage IS NOT NULL;
CREATE INDEX IX_NotificationDeliveries_Claimed ON dbo.NotificationDeliveries (ClaimId, Stage) WHERE ClaimId IS NOT NULL;
CREATE INDEX IX_NotificationDeliveries_UnderWay
    ON dbo.NotificationDeliveries (AvailableAt) INCLUDE (Stage) WHERE Status = 'sending';
CREATE INDEX IX_NotificationDeliveries_Unknown ON dbo.NotificationDeliveries (UpdatedAt) WHERE Status = 'unknown';
CREATE INDEX IX_NotificationDeliveries_Final
    ON dbo.NotificationDeliveries (UpdatedAt, Number) INCLUDE (Status) WHERE Stage IS NULL;
CREATE INDEX IX_NotificationDeliveries_OfNotification ON dbo.NotificationDeliveries (NotificationId);
GO
-- Mails to render. The id is the delivery's.
CREATE TABLE dbo.MailIntents
(
    Id           uniqueidentifier NOT NULL CONSTRAINT PK_MailIntents PRIMARY KEY,
    ToAddress    nvarchar(320)    NOT NULL,
    ToFolded     nvarchar(320) COLLATE Latin1_General_100_BIN2 NOT NULL,
    ToName       nvarchar(400)    NULL,
    UserId       uniqueidentifier NULL,
    Subject      nvarchar(400)    NOT NULL,
    TemplateId   nvarchar(200)    NOT NULL,
    TemplateData nvarchar(max)    NOT NULL,
    Attachments  nvarchar(max)    NOT NULL
);
-- Mails to send. The id is the delivery's, and makes the Message-ID.
CREATE TABLE dbo.NheaMailQueue
(
    Id          uniqueidentifier NOT NULL CONSTRAINT PK_NheaMailQueue PRIMARY KEY,
    ToAddress   nvarchar(320)    NOT NULL,
    ToFolded    nvarchar(320) COLLATE Latin1_General_100_BIN2 NOT NULL,
    ToName      nvarchar(400)    NULL,
    UserId      uniqueidentifier NULL,
    Subject     nvarchar(400)    NOT NULL,
    TemplateId  nvarchar(200)    NOT NULL,
    BodyText    nvarchar(max)    NOT NULL,
    BodyHtml    nvarchar(max)    NOT NULL,
    Attachments nvarchar(max)    NOT NULL,
    OnUnknown   varchar(8) COLLATE Latin1_General_100_BIN2 NOT NULL
        CONSTRAINT CK_NheaMailQueue_OnUnknown CHECK (OnUnknown IN ('hold', 'resend')),
    CreatedAt   datetime2(6)     NOT NULL
);
GO
-- Files that go with mails, and which mails name them.
CREATE TABLE dbo.MailAttachments
(
    Id          uniqueidentifier NOT NULL CONSTRAINT PK_MailAttachments PRIMARY KEY,
    Name        nvarchar(400)    NOT NULL,
    ContentType nvarchar(200)    NOT NULL,
    Bytes       varbinary(max)   NOT NULL,
    Size        bigint           NOT NULL,
    CreatedAt   datetime2(6)     NOT NULL
);
CREATE INDEX IX_MailAttachments_ByAge ON dbo.MailAttachments (CreatedAt) INCLUDE (Size);
CREATE TABLE dbo.MailAttachmentUses
(
    AttachmentId uniqueidentifier NOT NULL,
    DeliveryId   uniqueidentifier NOT NULL,
    CONSTRAINT PK_MailAttachmentUses PRIMARY KEY (AttachmentId, DeliveryId)
);
CREATE INDEX IX_MailAttachmentUses_ByDelivery ON dbo.MailAttachmentUses (DeliveryId);
GO
-- Who is not written to, and the tokens by which people say so.
CREATE TABLE dbo.MailSuppressions
(
    Address nvarchar(320) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT PK_MailSuppressions PRIMARY KEY,
    Reason  varchar(16)  NOT NULL
        CONSTRAINT CK_MailSuppressions_Reason CHECK (Reason IN ('refused', 'unsubscribed')),
    Since   datetime2(6) NOT NULL
);
CREATE INDEX IX_MailSuppressions_ByTime ON dbo.MailSuppressions (Since DESC, Address);
CREATE TABLE dbo.MailUnsubscribeTokens
(
    Address nvarchar(320) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT PK_MailUnsubscribeTokens PRIMARY KEY,
    Token   nvarchar(200) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT UX_MailUnsubscribeTokens_Token UNIQUE
);
GO
