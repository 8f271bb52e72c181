-- Which migrations were applied: the hash of the file tells whether it was changed since, the phase tells a release that
-- does not know it whether it may run on.
IF OBJECT_ID(N'dbo.SmartPulseMigrations', N'U') IS NULL
    CREATE TABLE dbo.SmartPulseMigrations
    (
        Number    int           NOT NULL CONSTRAINT PK_SmartPulseMigrations PRIMARY KEY,
        Name      nvarchar(200) NOT NULL,
        Hash      char(64)      NOT NULL,
        Phase     varchar(8)    NOT NULL,
        AppliedAt datetime2(6)  NOT NULL CONSTRAINT DF_SmartPulseMigrations_AppliedAt DEFAULT SYSUTCDATETIME()
    );
