-- The capture instances of a table with their columns, the older instance first; and whether the tracker has come as far as
-- the instance reaches back. P1: the table, P2: the tracker's log sequence number.
SELECT
    i.capture_instance AS Instance, c.column_name AS ColumnName,
    CASE WHEN @P2 >= i.start_lsn THEN 1 ELSE 0 END AS IsReached
FROM cdc.change_tables AS i
INNER JOIN cdc.captured_columns AS c ON c.object_id = i.object_id
WHERE i.source_object_id = OBJECT_ID(@P1)
ORDER BY i.create_date, i.capture_instance, c.column_ordinal;
