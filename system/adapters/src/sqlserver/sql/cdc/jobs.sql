-- A look at the log each second, not each five; P1: how many minutes changes are kept. A job reads its settings when it
-- starts: the next file starts it again.
EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 1;
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = @P1;
