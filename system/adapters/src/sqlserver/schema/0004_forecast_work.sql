-- phase: expand
-- Leases, the outbox, parked events.

-- Who is the tracker, and who the sync. Nobody holds a lease without a holder. The token rises by one each time that the
-- lease is taken, and never falls. Its end is by this server's clock.
CREATE TABLE dbo.ForecastLeases
(
    Name       varchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT PK_ForecastLeases PRIMARY KEY,
    Token      bigint           NOT NULL,
    Holder     uniqueidentifier NULL,
    ExpiresAt  datetime2(6)     NOT NULL,
    -- For how long it was last given: no lease has more than that before it, unless the clock went back.
    LifeMs     int              NOT NULL,
    -- When it was last given: what the change feed of mode cdc is dated by.
    RenewedAt  datetime2(6)     NOT NULL,
    -- Up to where the holders have got in the feed: 128 bits, the highest byte first.
    FeedCursor binary(16)       NOT NULL
);
INSERT INTO dbo.ForecastLeases (Name, Token, Holder, ExpiresAt, LifeMs, RenewedAt, FeedCursor)
VALUES
    ('tracker', 0, NULL, '2000-01-01', 0, '2000-01-01', 0x00000000000000000000000000000000),
    ('sync', 0, NULL, '2000-01-01', 0, '2000-01-01', 0x00000000000000000000000000000000);
GO
-- The events of commits. A mark for each row and no cursor: identities commit out of order.
CREATE TABLE dbo.ForecastOutbox
(
    Id         bigint IDENTITY (1, 1) NOT NULL CONSTRAINT PK_ForecastOutbox PRIMARY KEY,
    Topic      varchar(64)   NOT NULL,
    MessageKey nvarchar(400) NOT NULL,
    Payload    nvarchar(max) NOT NULL,
    Properties nvarchar(max) NOT NULL,
    BornAt     datetime2(6)  NOT NULL,
    Bytes      int           NOT NULL,
    SentAt     datetime2(6)  NULL
);
CREATE INDEX IX_ForecastOutbox_Pending ON dbo.ForecastOutbox (Id) INCLUDE (Bytes) WHERE SentAt IS NULL;
CREATE INDEX IX_ForecastOutbox_Sent ON dbo.ForecastOutbox (SentAt) WHERE SentAt IS NOT NULL;
GO
-- Events that could not be worked on.
CREATE TABLE dbo.ForecastParked
(
    Position   bigint IDENTITY (1, 1) NOT NULL CONSTRAINT PK_ForecastParked PRIMARY KEY,
    Id         uniqueidentifier NOT NULL CONSTRAINT UX_ForecastParked_Id UNIQUE,
    Topic      varchar(64)      NOT NULL,
    MessageKey nvarchar(max)    NOT NULL,
    Payload    varbinary(max)   NOT NULL,
    Properties nvarchar(max)    NOT NULL,
    Entity     uniqueidentifier NULL,
    Reason     nvarchar(max)    NOT NULL,
    Attempts   bigint           NOT NULL,
    ParkedAt   datetime2(6)     NOT NULL
);
GO
