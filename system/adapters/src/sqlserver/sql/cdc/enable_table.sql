-- Begins to capture columns of a table. No role: whoever may read the table may read its changes. P1: the table's name,
-- P2: the instance's, P3: the columns, separated by commas.
EXEC sys.sp_cdc_enable_table
    @source_schema = N'dbo', @source_name = @P1, @capture_instance = @P2, @role_name = NULL, @supports_net_changes = 0,
    @captured_column_list = @P3;
