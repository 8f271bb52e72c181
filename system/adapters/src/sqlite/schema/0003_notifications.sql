-- The notification service. It shares no table with the forecasts. The names are the specification's, where it has any.
-- Times are microseconds since 1970; ids are 16 bytes.

-- What was accepted for a user, once for each event. Kept longer than the bus can deliver the event again.
CREATE TABLE NotificationAcceptances (
    Id        BLOB    NOT NULL PRIMARY KEY CHECK (length(Id) = 16),
    EventId   BLOB    NOT NULL CHECK (length(EventId) = 16),
    UserId    BLOB    NOT NULL CHECK (length(UserId) = 16),
    Title     TEXT    NOT NULL,
    Body      TEXT    NOT NULL,
    Type      TEXT    NOT NULL,
    Channels  INTEGER NOT NULL,
    CreatedAt INTEGER NOT NULL,
    UNIQUE (EventId, UserId)
) STRICT;
CREATE INDEX NotificationAcceptances_ByAge ON NotificationAcceptances (CreatedAt);

-- The answers kept for requests that may be repeated.
CREATE TABLE NotificationAnswers (
    Caller      BLOB    NOT NULL CHECK (length(Caller) = 16),
    Key         TEXT    NOT NULL,
    Fingerprint BLOB    NOT NULL CHECK (length(Fingerprint) = 16),
    Response    BLOB    NOT NULL,
    ExpiresAt   INTEGER NOT NULL,
    PRIMARY KEY (Caller, Key)
) STRICT, WITHOUT ROWID;
CREATE INDEX NotificationAnswers_ByExpiry ON NotificationAnswers (ExpiresAt);

-- The in-app channel. The position of a row is that of its last change among those of its user.
CREATE TABLE Notifications (
    Id        BLOB    NOT NULL PRIMARY KEY CHECK (length(Id) = 16),
    UserId    BLOB    NOT NULL CHECK (length(UserId) = 16),
    Title     TEXT    NOT NULL,
    Body      TEXT    NOT NULL,
    Type      TEXT    NOT NULL,
    ReadAt    INTEGER,
    CreatedAt INTEGER NOT NULL,
    Position  INTEGER NOT NULL
) STRICT;
CREATE INDEX Notifications_ByUser ON Notifications (UserId, CreatedAt, Id);
CREATE UNIQUE INDEX Notifications_ByPosition ON Notifications (UserId, Position);
CREATE INDEX Notifications_Unread ON Notifications (UserId, CreatedAt) WHERE ReadAt IS NULL;
CREATE INDEX Notifications_ByAge ON Notifications (CreatedAt);
CREATE TABLE NotificationPositions (
    UserId BLOB    NOT NULL PRIMARY KEY CHECK (length(UserId) = 16),
    Last   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The devices of users. The address is the endpoint or the token: it names the device, and is a capability.
CREATE TABLE SysUserDeviceInfo (
    Id               BLOB    NOT NULL PRIMARY KEY CHECK (length(Id) = 16),
    UserId           BLOB    NOT NULL CHECK (length(UserId) = 16),
    IntegrationType  INTEGER NOT NULL CHECK (IntegrationType IN (0, 1)),
    Token            TEXT,
    SubscriptionJson TEXT,
    OSVersion        TEXT,
    VapidKeyId       TEXT,
    Address          TEXT    NOT NULL,
    CreatedAt        INTEGER NOT NULL,
    LastSeenAt       INTEGER NOT NULL,
    MustResubscribe  INTEGER NOT NULL DEFAULT 0,
    UNIQUE (IntegrationType, Address)
) STRICT;
CREATE INDEX SysUserDeviceInfo_ByUser ON SysUserDeviceInfo (UserId, CreatedAt, Id);

-- Who wants to be told of what. No unit: all of the company's.
CREATE TABLE NotificationPreferences (
    UserId    BLOB    NOT NULL CHECK (length(UserId) = 16),
    CompanyId BLOB    NOT NULL CHECK (length(CompanyId) = 16),
    UnitId    BLOB    NOT NULL DEFAULT x'' CHECK (length(UnitId) IN (0, 16)),
    Channels  INTEGER NOT NULL,
    PRIMARY KEY (UserId, CompanyId, UnitId)
) STRICT, WITHOUT ROWID;
CREATE INDEX NotificationPreferences_ByCompany ON NotificationPreferences (CompanyId, UserId, UnitId, Channels);

-- Whom and what the ids name.
CREATE TABLE UserDirectory (
    UserId  BLOB NOT NULL PRIMARY KEY CHECK (length(UserId) = 16),
    Name    TEXT NOT NULL,
    Address TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE UnitDirectory (
    UnitId BLOB NOT NULL PRIMARY KEY CHECK (length(UnitId) = 16),
    Name   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is to be delivered, and what became of it. A row waits at a stage (1 push, 2 render a mail, 3 send it), or at none
-- any more. Whoever claims it holds it until its claim is over: until then it is not available. Its age counts from when it
-- was accepted, or was last sent again by a person: since then it waits.
CREATE TABLE NotificationDeliveries (
    Number         INTEGER PRIMARY KEY AUTOINCREMENT,
    Id             BLOB    NOT NULL UNIQUE CHECK (length(Id) = 16),
    NotificationId BLOB    CHECK (length(NotificationId) = 16),
    DeviceId       BLOB    CHECK (length(DeviceId) = 16),
    Channel        INTEGER NOT NULL,
    Stage          INTEGER CHECK (Stage IN (1, 2, 3)),
    Status         TEXT    NOT NULL,
    Attempts       INTEGER NOT NULL DEFAULT 0,
    LastError      TEXT,
    DueAt          INTEGER NOT NULL DEFAULT 0,
    AvailableAt    INTEGER NOT NULL DEFAULT 0,
    ClaimId        BLOB    CHECK (length(ClaimId) = 16),
    CreatedAt      INTEGER NOT NULL,
    UpdatedAt      INTEGER NOT NULL,
    WaitsSince     INTEGER NOT NULL
) STRICT;
CREATE INDEX NotificationDeliveries_Waiting ON NotificationDeliveries (Stage, AvailableAt, Number) WHERE Stage IS NOT NULL;
CREATE INDEX NotificationDeliveries_Claimed ON NotificationDeliveries (ClaimId) WHERE ClaimId IS NOT NULL AND Stage IS NOT NULL;
CREATE INDEX NotificationDeliveries_UnderWay ON NotificationDeliveries (AvailableAt) WHERE Status = 'sending';
CREATE INDEX NotificationDeliveries_Unknown ON NotificationDeliveries (Number) WHERE Status = 'unknown';
CREATE INDEX NotificationDeliveries_Final ON NotificationDeliveries (UpdatedAt) WHERE Stage IS NULL;
CREATE INDEX NotificationDeliveries_OfNotification ON NotificationDeliveries (NotificationId);

-- Mails to render. The id is the delivery's.
CREATE TABLE MailIntents (
    Id           BLOB NOT NULL PRIMARY KEY CHECK (length(Id) = 16),
    ToAddress    TEXT NOT NULL,
    ToFolded     TEXT NOT NULL,
    ToName       TEXT,
    UserId       BLOB CHECK (length(UserId) = 16),
    Subject      TEXT NOT NULL,
    TemplateId   TEXT NOT NULL,
    TemplateData TEXT NOT NULL,
    Attachments  TEXT NOT NULL
) STRICT;

-- Mails to send. The id is the delivery's, and makes the Message-ID.
CREATE TABLE NheaMailQueue (
    Id          BLOB    NOT NULL PRIMARY KEY CHECK (length(Id) = 16),
    ToAddress   TEXT    NOT NULL,
    ToFolded    TEXT    NOT NULL,
    ToName      TEXT,
    UserId      BLOB    CHECK (length(UserId) = 16),
    Subject     TEXT    NOT NULL,
    TemplateId  TEXT    NOT NULL,
    BodyText    TEXT    NOT NULL,
    BodyHtml    TEXT    NOT NULL,
    Attachments TEXT    NOT NULL,
    OnUnknown   TEXT    NOT NULL CHECK (OnUnknown IN ('hold', 'resend')),
    CreatedAt   INTEGER NOT NULL
) STRICT;

-- Files that go with mails, and which mails name them.
CREATE TABLE MailAttachments (
    Id          BLOB    NOT NULL PRIMARY KEY CHECK (length(Id) = 16),
    Name        TEXT    NOT NULL,
    ContentType TEXT    NOT NULL,
    Size        INTEGER NOT NULL,
    CreatedAt   INTEGER NOT NULL,
    -- The last one: what stands before is read without it.
    Bytes       BLOB    NOT NULL
) STRICT;
CREATE INDEX MailAttachments_ByAge ON MailAttachments (CreatedAt, Size);
CREATE TABLE MailAttachmentUses (
    AttachmentId BLOB NOT NULL,
    DeliveryId   BLOB NOT NULL,
    PRIMARY KEY (AttachmentId, DeliveryId)
) STRICT, WITHOUT ROWID;
CREATE INDEX MailAttachmentUses_ByDelivery ON MailAttachmentUses (DeliveryId);
-- A mail that is sent, or never will be, needs its files no more. One that failed does: a person may send it again.
CREATE TRIGGER NotificationDeliveries_FilesDone AFTER UPDATE OF Status ON NotificationDeliveries
WHEN NEW.Channel = 4 AND NEW.Status IN ('sent', 'suppressed')
BEGIN
    DELETE FROM MailAttachmentUses WHERE DeliveryId = NEW.Id;
END;
CREATE TRIGGER MailAttachmentUses_LastOne AFTER DELETE ON MailAttachmentUses
WHEN NOT EXISTS (SELECT 1 FROM MailAttachmentUses WHERE AttachmentId = OLD.AttachmentId)
BEGIN
    DELETE FROM MailAttachments WHERE Id = OLD.AttachmentId;
END;

-- Who is not written to, and the tokens by which people say so.
CREATE TABLE MailSuppressions (
    Address TEXT    NOT NULL PRIMARY KEY,
    Reason  TEXT    NOT NULL CHECK (Reason IN ('refused', 'unsubscribed')),
    Since   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX MailSuppressions_ByTime ON MailSuppressions (Since);
CREATE TABLE MailUnsubscribeTokens (
    Address TEXT NOT NULL PRIMARY KEY,
    Token   TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
