-- Ends a capture instance; its changes are gone. P1: the table's name, P2: the instance's.
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = @P1, @capture_instance = @P2;
