-- phase: expand
-- The forecasts. Times are UTC, to the microsecond. What is compared as text is compared bit by bit (BIN2), whatever
-- the database's collation: most compare without regard to case.

CREATE TABLE dbo.ForecastMeta
(
    OnlyRow      tinyint          NOT NULL CONSTRAINT PK_ForecastMeta PRIMARY KEY
        CONSTRAINT CK_ForecastMeta_OnlyRow CHECK (OnlyRow = 1),
    Incarnation  bigint           NOT NULL,
    -- Which history of the database this is: SQL Server gives a new one at each restore.
    RecoveryFork uniqueidentifier NULL
);
INSERT INTO dbo.ForecastMeta (OnlyRow, Incarnation) VALUES (1, 1);
GO
CREATE TABLE dbo.Forecasts
(
    Id               uniqueidentifier NOT NULL CONSTRAINT PK_Forecasts PRIMARY KEY,
    CompanyId        uniqueidentifier NOT NULL,
    ProductionUnitId uniqueidentifier NOT NULL,
    ProviderId       uniqueidentifier NULL,
    ForecastDate     datetime2(6)     NOT NULL,
    Demand           float(53)        NOT NULL,
    Supply           float(53)        NULL,
    ConfidenceLevel  float(53)        NOT NULL,
    Status           varchar(10) COLLATE Latin1_General_100_BIN2 NOT NULL
        CONSTRAINT CK_Forecasts_Status CHECK (Status IN ('Pending', 'Completed', 'Failed')),
    Tags             nvarchar(max)    NOT NULL CONSTRAINT DF_Forecasts_Tags DEFAULT N'[]'
        CONSTRAINT CK_Forecasts_Tags CHECK (ISJSON(Tags) = 1),
    CreatedAt        datetime2(6)     NOT NULL,
    UpdatedAt        datetime2(6)     NOT NULL,
    VersionId        bigint           NOT NULL CONSTRAINT DF_Forecasts_VersionId DEFAULT 0,
    -- Of the service's own writes: when, in which trace, and at which version, so that they are not taken for those of a
    -- statement of somebody else's that came later.
    WrittenAt        datetime2(6)     NULL,
    WrittenVersion   bigint           NULL,
    Traceparent      varchar(128)     NULL,
    -- Whether it was ever filed under another company, unit or provider.
    Moved            bit              NOT NULL CONSTRAINT DF_Forecasts_Moved DEFAULT 0
);
-- At most one forecast for a natural key; the absence of a provider is a value of its own: SQL Server's NULLs are equal here.
CREATE UNIQUE INDEX UX_Forecasts_NaturalKey ON dbo.Forecasts (CompanyId, ProductionUnitId, ForecastDate, ProviderId);
-- The order of lists. The columns after the id let totals be counted in the index alone, whatever the filters.
CREATE INDEX IX_Forecasts_ByCompany ON dbo.Forecasts (CompanyId, ForecastDate DESC, Id, Status);
CREATE INDEX IX_Forecasts_ByUnit ON dbo.Forecasts (ProductionUnitId, ForecastDate DESC, Id, Status, CompanyId);
CREATE INDEX IX_Forecasts_ByDate ON dbo.Forecasts (ForecastDate DESC, Id, Status);
GO
-- What is left of a forecast that was deleted: an insert of its id continues from this version.
CREATE TABLE dbo.ForecastTombstones
(
    Id               uniqueidentifier NOT NULL CONSTRAINT PK_ForecastTombstones PRIMARY KEY,
    VersionId        bigint           NOT NULL,
    CompanyId        uniqueidentifier NOT NULL,
    ProductionUnitId uniqueidentifier NOT NULL,
    ProviderId       uniqueidentifier NULL,
    Moved            bit              NOT NULL,
    DeletedAt        datetime2(6)     NOT NULL,
    Traceparent      varchar(128)     NULL
);
CREATE INDEX IX_ForecastTombstones_ByAge ON dbo.ForecastTombstones (DeletedAt);
GO
-- The answers kept for requests that may be repeated.
CREATE TABLE dbo.ForecastAnswers
(
    Caller      uniqueidentifier NOT NULL,
    RequestKey  nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    Fingerprint binary(16)       NOT NULL,
    Response    varbinary(max)   NOT NULL,
    ExpiresAt   datetime2(6)     NOT NULL,
    CONSTRAINT PK_ForecastAnswers PRIMARY KEY (Caller, RequestKey)
);
CREATE INDEX IX_ForecastAnswers_ByExpiry ON dbo.ForecastAnswers (ExpiresAt);
GO
