-- The last change that capture has seen. NULL: it has never run.
SELECT CAST(sys.fn_cdc_get_max_lsn() AS binary(10)) AS MaximumLsn;
