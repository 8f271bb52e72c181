-- What a connection is like when it is handed out, whoever had it before: no transaction, and these settings. What a
-- filtered index needs is not left to the server's defaults. A lock is waited for less long than a call may take: then the
-- server says so, and the connection need not be closed.
IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;
SET NOCOUNT ON;
SET XACT_ABORT ON;
SET ANSI_NULLS ON;
SET ANSI_PADDING ON;
SET ANSI_WARNINGS ON;
SET ARITHABORT ON;
SET CONCAT_NULL_YIELDS_NULL ON;
SET QUOTED_IDENTIFIER ON;
SET NUMERIC_ROUNDABORT OFF;
SET DATEFORMAT ymd;
SET LANGUAGE us_english;
SET LOCK_TIMEOUT 1500;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
