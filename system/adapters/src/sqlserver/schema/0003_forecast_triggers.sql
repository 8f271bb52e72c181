-- phase: expand
-- What a statement of somebody else's forgets, these do: raise the version, leave a tombstone, continue from one. They
-- are set-based, and end by themselves where a database lets triggers fire themselves (RECURSIVE_TRIGGERS). A statement
-- on dbo.Forecasts that has an OUTPUT clause needs OUTPUT ... INTO.

-- An insert continues from the row's tombstone, whatever version the statement named.
CREATE TRIGGER dbo.Forecasts_Inserted ON dbo.Forecasts AFTER INSERT
AS
BEGIN
    SET NOCOUNT ON;
    IF EXISTS
    (
        SELECT 1 FROM inserted AS i LEFT OUTER JOIN dbo.ForecastTombstones AS t ON t.Id = i.Id
        WHERE i.VersionId <= COALESCE(t.VersionId, 0)
    )
        UPDATE f SET VersionId = 1 + COALESCE(t.VersionId, 0)
        FROM dbo.Forecasts AS f
        INNER JOIN inserted AS i ON i.Id = f.Id
        LEFT OUTER JOIN dbo.ForecastTombstones AS t ON t.Id = f.Id
        WHERE i.VersionId <= COALESCE(t.VersionId, 0);
    IF EXISTS (SELECT 1 FROM inserted AS i INNER JOIN dbo.ForecastTombstones AS t ON t.Id = i.Id)
        DELETE FROM dbo.ForecastTombstones WHERE Id IN (SELECT i.Id FROM inserted AS i);
END;
GO
-- A statement that forgot the version gets it raised; one that files a row elsewhere gets that noted.
CREATE TRIGGER dbo.Forecasts_Updated ON dbo.Forecasts AFTER UPDATE
AS
BEGIN
    SET NOCOUNT ON;
    IF UPDATE(Id) AND EXISTS (SELECT 1 FROM inserted AS i WHERE i.Id NOT IN (SELECT d.Id FROM deleted AS d))
    BEGIN;
        THROW 51001, N'the id of a forecast never changes', 1;
    END;
    -- EXCEPT compares NULLs as equal.
    IF EXISTS
    (
        SELECT 1 FROM inserted AS i INNER JOIN deleted AS d ON d.Id = i.Id
        WHERE i.VersionId <= d.VersionId
            OR (i.Moved = 0 AND EXISTS
                (
                    SELECT i.CompanyId, i.ProductionUnitId, i.ProviderId
                    EXCEPT
                    SELECT d.CompanyId, d.ProductionUnitId, d.ProviderId
                ))
    )
        UPDATE f
        SET VersionId = CASE WHEN i.VersionId <= d.VersionId THEN d.VersionId + 1 ELSE i.VersionId END,
            Moved = CASE
                WHEN EXISTS
                    (
                        SELECT i.CompanyId, i.ProductionUnitId, i.ProviderId
                        EXCEPT
                        SELECT d.CompanyId, d.ProductionUnitId, d.ProviderId
                    )
                    THEN 1
                ELSE i.Moved
            END
        FROM dbo.Forecasts AS f
        INNER JOIN inserted AS i ON i.Id = f.Id
        INNER JOIN deleted AS d ON d.Id = f.Id
        WHERE i.VersionId <= d.VersionId
            OR (i.Moved = 0 AND EXISTS
                (
                    SELECT i.CompanyId, i.ProductionUnitId, i.ProviderId
                    EXCEPT
                    SELECT d.CompanyId, d.ProductionUnitId, d.ProviderId
                ));
END;
GO
CREATE TRIGGER dbo.Forecasts_Deleted ON dbo.Forecasts AFTER DELETE
AS
BEGIN
    SET NOCOUNT ON;
    INSERT INTO dbo.ForecastTombstones
        (Id, VersionId, CompanyId, ProductionUnitId, ProviderId, Moved, DeletedAt)
    SELECT d.Id, d.VersionId + 1, d.CompanyId, d.ProductionUnitId, d.ProviderId, d.Moved, SYSUTCDATETIME()
    FROM deleted AS d;
END;
GO
