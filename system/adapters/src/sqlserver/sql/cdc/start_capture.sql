-- Starts the capture job. Refused (22022) while it is still about to stop.
EXEC sys.sp_cdc_start_job @job_type = N'capture';
