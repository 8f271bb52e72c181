-- Forgets a parked event. P1: its id.
DELETE FROM dbo.ForecastParked WHERE Id = @P1;
SELECT @@ROWCOUNT AS Changed;
