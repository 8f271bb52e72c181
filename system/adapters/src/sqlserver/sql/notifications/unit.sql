-- A unit's name. P1: the unit.
SELECT u.Name FROM dbo.UnitDirectory AS u WHERE u.UnitId = @P1;
