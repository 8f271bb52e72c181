-- Notes that a migration was applied. P1: its number, P2: its name, P3: its hash.
INSERT INTO dbo.SmartPulseMigrations (Number, Name, Hash) VALUES (@P1, @P2, @P3);
