-- Up to where the tracker has read.
SELECT l.FeedCursor FROM dbo.ForecastLeases AS l WHERE l.Name = 'tracker';
