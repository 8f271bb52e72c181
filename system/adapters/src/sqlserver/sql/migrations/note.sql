-- Notes that a migration was applied. P1: its number, P2: its name, P3: its hash, P4: its phase.
INSERT INTO dbo.SmartPulseMigrations (Number, Name, Hash, Phase) VALUES (@P1, @P2, @P3, @P4);
