-- Who wants to be told of a company's forecasts, or of this unit's of it; of one with both, that for the unit counts.
-- P1: the company, P2: the unit, or nothing, P3: those after this user, or all, P4: at most so many.
SELECT TOP (@P4) r.UserId, r.Channels
FROM
    (
        SELECT p.UserId, p.Channels, ROW_NUMBER() OVER (PARTITION BY p.UserId ORDER BY p.UnitId DESC) AS Place
        FROM dbo.NotificationPreferences AS p
        WHERE p.CompanyId = @P1 AND (p.UnitId IS NULL OR p.UnitId = @P2) AND (@P3 IS NULL OR p.UserId > @P3)
    ) AS r
WHERE r.Place = 1
ORDER BY r.UserId;
