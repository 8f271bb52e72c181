-- The last version of Change Tracking. NULL: it is off.
SELECT CHANGE_TRACKING_CURRENT_VERSION() AS CurrentVersion;
