-- phase: expand
-- The change feed of the default mode. With the columns that a change touched: they tell whether a row was filed
-- elsewhere since the reader's last look.
IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables WHERE object_id = OBJECT_ID(N'dbo.Forecasts')) -- noqa: PRS
    ALTER TABLE dbo.Forecasts ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = ON);
GO
