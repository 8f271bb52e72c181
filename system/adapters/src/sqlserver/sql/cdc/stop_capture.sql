-- Stops the capture job. That it does not run (22022) is no failure.
BEGIN TRY
    EXEC sys.sp_cdc_stop_job @job_type = N'capture';
END TRY
BEGIN CATCH
    IF ERROR_NUMBER() <> 22022 THROW;
END CATCH;
