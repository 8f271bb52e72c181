//! Every statement with a fixed text: its file, how many parameters it has, and the columns that its readers expect of
//! its answers, in their order. A test compares all three with the text.

use super::statement::Statement;

macro_rules! statements {
    ($($name:ident($n:literal) = $path:literal => [$([$($column:literal),*]),*];)*) => {
        $(
            pub(super) const $name: Statement<$n> =
                Statement { path: $path, text: include_str!(concat!("sql/", $path, ".sql")) };
        )*

        /// What the tests read.
        #[cfg(test)]
        pub(super) const ALL: &[Listed] = &[$(
            Listed {
                path: $name.path,
                text: $name.text,
                parameters: $n,
                answers: &[$(&[$($column),*]),*],
            },
        )*];
    };
}

/// One of the statements.
#[cfg(test)]
pub(super) struct Listed {
    pub(super) path: &'static str,
    pub(super) text: &'static str,
    pub(super) parameters: usize,
    /// The columns of each of its answers.
    pub(super) answers: &'static [&'static [&'static str]],
}

statements! {
    CDC_CURSOR(0) = "cdc/cursor" => [["FeedCursor"]];
    CDC_DISABLE_INSTANCE(2) = "cdc/disable_instance" => [];
    CDC_ENABLED(0) = "cdc/enabled" => [["IsCdc"]];
    CDC_ENABLE_DATABASE(0) = "cdc/enable_database" => [];
    CDC_ENABLE_TABLE(3) = "cdc/enable_table" => [];
    CDC_INSTANCES(2) = "cdc/instances" => [["Instance", "ColumnName", "IsReached"]];
    CDC_JOBS(1) = "cdc/jobs" => [];
    CDC_START_CAPTURE(0) = "cdc/start_capture" => [];
    CDC_STOP_CAPTURE(0) = "cdc/stop_capture" => [];
    EXAMINE_CAPTURE_JOBS(0) = "examine/capture_jobs" => [["JobType", "PollingInterval", "Retention"]];
    EXAMINE_CHANGE_TRACKING(0) = "examine/change_tracking" => [["RetentionPeriod", "RetentionUnit", "IsAutoCleanup", "IsTracked", "MinimumVersion"]];
    FEED_CDC_CHANGES(5) = "feed/cdc_changes" => [["Lsn", "Ordinal", "Operation", "FirstOperation", "Id", "CompanyId", "ProductionUnitId", "ProviderId", "ForecastDate", "Demand", "Supply", "ConfidenceLevel", "Status", "Tags", "CreatedAt", "UpdatedAt", "VersionId", "WrittenAt", "Traceparent", "BeforeCompanyId", "BeforeProductionUnitId", "BeforeProviderId"]];
    FEED_CDC_END(0) = "feed/cdc_end" => [["MaximumLsn"]];
    FEED_CDC_WINDOW(1) = "feed/cdc_window" => [["SeenUsAgo"], ["Incarnation", "MaximumLsn"], ["Instance", "StartLsn"]];
    FEED_CHANGE_TRACKING(4) = "feed/change_tracking" => [["Incarnation", "MinimumVersion", "CurrentVersion"], ["ChangeVersion", "ChangeKey", "Operation", "ChangedId", "Id", "CompanyId", "ProductionUnitId", "ProviderId", "ForecastDate", "Demand", "Supply", "ConfidenceLevel", "Status", "Tags", "CreatedAt", "UpdatedAt", "VersionId", "WrittenAt", "Traceparent", "TombstoneVersion", "DeletedAt", "TombstoneTraceparent", "Placed", "TombstoneCompanyId", "TombstoneProductionUnitId", "TombstoneProviderId"]];
    FEED_CHANGE_TRACKING_END(0) = "feed/change_tracking_end" => [["CurrentVersion"]];
    LEASES_LOOK(2) = "leases/look" => [["IsHeld", "LeftUs", "LifeMs"]];
    LEASES_MOVE_CURSOR(3) = "leases/move_cursor" => [["Changed"]];
    LEASES_RELEASE(2) = "leases/release" => [["Changed"]];
    LEASES_RENEW(3) = "leases/renew" => [["Changed"]];
    LEASES_TAKE(4) = "leases/take" => [["Token", "FeedCursor", "Incarnation"]];
    MIGRATIONS_APPLIED(0) = "migrations/applied" => [["Number", "Name", "Hash", "Phase"]];
    MIGRATIONS_EXISTS(0) = "migrations/exists" => [["IsThere"]];
    MIGRATIONS_HISTORY(0) = "migrations/history" => [];
    MIGRATIONS_LOCK(0) = "migrations/lock" => [["Result"]];
    MIGRATIONS_NOTE(4) = "migrations/note" => [];
    MIGRATIONS_UNLOCK(0) = "migrations/unlock" => [];
    NOTIFICATIONS_AHEAD(2) = "notifications/ahead" => [["Number"]];
    NOTIFICATIONS_ANSWER(2) = "notifications/answer" => [["Fingerprint", "Response", "ExpiresAt"]];
    NOTIFICATIONS_ATTACHMENTS(1) = "notifications/attachments" => [["Id", "Name", "ContentType", "Bytes"]];
    NOTIFICATIONS_BACKLOG(0) = "notifications/backlog" => [["Pushes", "MailIntents", "Mails", "Unknown", "Oldest"]];
    NOTIFICATIONS_CHANGES(3) = "notifications/changes" => [["LastPosition", "Unread", "Position", "Id", "UserId", "Title", "Body", "Type", "ReadAt", "CreatedAt"]];
    NOTIFICATIONS_CLAIM_MAIL_INTENTS(4) = "notifications/claim_mail_intents" => [["Id", "WaitsSince", "ToAddress", "ToName", "UserId", "Subject", "TemplateId", "TemplateData", "Attachments"]];
    NOTIFICATIONS_CLAIM_MAILS(4) = "notifications/claim_mails" => [["Held"], ["Id", "Attempts", "WaitsSince", "ToAddress", "ToName", "Subject", "TemplateId", "BodyText", "BodyHtml", "Attachments", "OnUnknown", "Token"]];
    NOTIFICATIONS_CLAIM_PUSHES(4) = "notifications/claim_pushes" => [["DeliveryId", "Attempts", "NotificationId", "EventId", "Title", "Body", "Type", "WaitsSince", "Id", "UserId", "IntegrationType", "Token", "SubscriptionJson", "OSVersion", "VapidKeyId", "CreatedAt", "LastSeenAt", "MustResubscribe"]];
    NOTIFICATIONS_DEVICE_COUNT(1) = "notifications/device_count" => [["Devices"]];
    NOTIFICATIONS_DEVICE_KNOWN(2) = "notifications/device_known" => [["Id", "UserId", "IntegrationType", "Token", "SubscriptionJson", "OSVersion", "VapidKeyId", "CreatedAt", "LastSeenAt", "MustResubscribe"]];
    NOTIFICATIONS_DEVICE_PUT(10) = "notifications/device_put" => [];
    NOTIFICATIONS_DEVICE_REMOVE(2) = "notifications/device_remove" => [["Changed"]];
    NOTIFICATIONS_DEVICES(1) = "notifications/devices" => [];
    NOTIFICATIONS_DEVICES_OF(1) = "notifications/devices_of" => [["N", "Id", "IntegrationType"]];
    NOTIFICATIONS_ENQUEUED(1) = "notifications/enqueued" => [["NowAt"], ["N"]];
    NOTIFICATIONS_FILES_HELD(0) = "notifications/files_held" => [["Files", "HeldBytes"]];
    NOTIFICATIONS_KEEP_ANSWER(5) = "notifications/keep_answer" => [];
    NOTIFICATIONS_LIST(3) = "notifications/list" => [];
    NOTIFICATIONS_LIST_AFTER(4) = "notifications/list_after" => [["Total", "Id", "UserId", "Title", "Body", "Type", "ReadAt", "CreatedAt"]];
    NOTIFICATIONS_LOG(1) = "notifications/log" => [["UserId", "Channels", "AcceptedAt", "Id", "Channel", "DeviceId", "Status", "Attempts", "LastError", "CreatedAt", "UpdatedAt"]];
    NOTIFICATIONS_LOOK(4) = "notifications/look" => [["NowAt", "AnswerStands"], ["N", "Id", "Devices"]];
    NOTIFICATIONS_NEXT_DUE(1) = "notifications/next_due" => [["DueInUs"]];
    NOTIFICATIONS_PREFERENCES(1) = "notifications/preferences" => [["CompanyId", "UnitId", "Channels"]];
    NOTIFICATIONS_PROGRESS_MAILS(3) = "notifications/progress_mails" => [["Id"]];
    NOTIFICATIONS_PRUNE_ACCEPTANCES(2) = "notifications/prune_acceptances" => [["Changed"]];
    NOTIFICATIONS_PRUNE_ANSWERS(1) = "notifications/prune_answers" => [["Changed"]];
    NOTIFICATIONS_PRUNE_DELIVERIES(2) = "notifications/prune_deliveries" => [["Changed"]];
    NOTIFICATIONS_PRUNE_FILES(2) = "notifications/prune_files" => [["Changed"]];
    NOTIFICATIONS_PRUNE_INBOX(2) = "notifications/prune_inbox" => [["Changed"]];
    NOTIFICATIONS_PUT_ACCEPTANCES(3) = "notifications/put_acceptances" => [];
    NOTIFICATIONS_PUT_ATTACHMENT(5) = "notifications/put_attachment" => [];
    NOTIFICATIONS_PUT_DELIVERIES(2) = "notifications/put_deliveries" => [];
    NOTIFICATIONS_PUT_MAIL_INTENTS(1) = "notifications/put_mail_intents" => [];
    NOTIFICATIONS_PUT_USES(1) = "notifications/put_uses" => [];
    NOTIFICATIONS_QUEUED(1) = "notifications/queued" => [];
    NOTIFICATIONS_READ(3) = "notifications/read" => [["Id", "UserId", "Title", "Body", "Type", "ReadAt", "CreatedAt"]];
    NOTIFICATIONS_READ_ALL(3) = "notifications/read_all" => [["Marked"]];
    NOTIFICATIONS_RECIPIENTS(4) = "notifications/recipients" => [["UserId", "Channels"]];
    NOTIFICATIONS_RELEASE(1) = "notifications/release" => [];
    NOTIFICATIONS_REPORT_PUSHES(2) = "notifications/report_pushes" => [["Id"]];
    NOTIFICATIONS_RESEND_ONE(2) = "notifications/resend_one" => [["Changed"]];
    NOTIFICATIONS_RESEND_SINCE(3) = "notifications/resend_since" => [["Changed"]];
    NOTIFICATIONS_SET_PREFERENCES(2) = "notifications/set_preferences" => [];
    NOTIFICATIONS_SETTLE(4) = "notifications/settle" => [["Id", "ToAddress", "ToFolded", "ToName", "UserId", "Subject", "TemplateId", "Attachments", "NowAt"], ["Id"]];
    NOTIFICATIONS_SUPPRESS(2) = "notifications/suppress" => [];
    NOTIFICATIONS_SUPPRESSIONS(1) = "notifications/suppressions" => [["Address", "Reason", "Since"]];
    NOTIFICATIONS_SUPPRESSIONS_AFTER(3) = "notifications/suppressions_after" => [["Address", "Reason", "Since"]];
    NOTIFICATIONS_UNIT(1) = "notifications/unit" => [["Name"]];
    NOTIFICATIONS_UNREAD(1) = "notifications/unread" => [["Unread"]];
    NOTIFICATIONS_UNSUBSCRIBE(2) = "notifications/unsubscribe" => [["Addresses"]];
    NOTIFICATIONS_UNSUPPRESS(1) = "notifications/unsuppress" => [["Changed"]];
    NOTIFICATIONS_UPSERT_DIRECTORY(2) = "notifications/upsert_directory" => [];
    NOTIFICATIONS_USERS(1) = "notifications/users" => [["UserId", "Name", "Address"]];
    OUTBOX_BYTES(0) = "outbox/bytes" => [["PendingBytes"]];
    OUTBOX_INSERT(2) = "outbox/insert" => [];
    OUTBOX_MARK(1) = "outbox/mark" => [];
    OUTBOX_PENDING(1) = "outbox/pending" => [["Id", "Topic", "MessageKey", "Payload", "Properties", "BornAt"]];
    PARKING_DISCARD(1) = "parking/discard" => [["Changed"]];
    PARKING_GET(1) = "parking/get" => [["Id", "Topic", "MessageKey", "Payload", "Properties", "Entity", "Reason", "Attempts", "ParkedAt"]];
    PARKING_LIST(1) = "parking/list" => [["Id", "Topic", "MessageKey", "Payload", "Properties", "Entity", "Reason", "Attempts", "ParkedAt"]];
    PARKING_PARK(10) = "parking/park" => [["Id", "Reason"]];
    PRUNE_ANSWERS(1) = "prune/answers" => [["Changed"]];
    PRUNE_SENT(2) = "prune/sent" => [["Changed"]];
    PRUNE_SENT_TOO_MANY(2) = "prune/sent_too_many" => [["Changed"]];
    PRUNE_TOMBSTONES(2) = "prune/tombstones" => [["Changed"]];
    SESSION_FORK(0) = "session/fork" => [["Incarnation", "IsRaised"]];
    SESSION_SETTINGS(0) = "session/settings" => [["CompatibilityLevel", "IsReadCommittedSnapshot", "SnapshotState", "IsChangeTracking", "IsCdc", "Version", "Edition", "NowAt"]];
    STORE_ANSWER(2) = "store/answer" => [["Fingerprint", "Response", "ExpiresAt"]];
    STORE_DELETE(2) = "store/delete" => [];
    STORE_FIND(1) = "store/find" => [["Incarnation", "N", "Id", "CompanyId", "ProductionUnitId", "ProviderId", "ForecastDate", "Demand", "Supply", "ConfidenceLevel", "Status", "Tags", "CreatedAt", "UpdatedAt", "VersionId"]];
    STORE_GET(1) = "store/get" => [["Incarnation", "TombstoneVersion", "Id", "CompanyId", "ProductionUnitId", "ProviderId", "ForecastDate", "Demand", "Supply", "ConfidenceLevel", "Status", "Tags", "CreatedAt", "UpdatedAt", "VersionId"]];
    STORE_INCARNATION(0) = "store/incarnation" => [["Incarnation"]];
    STORE_KEEP_ANSWER(5) = "store/keep_answer" => [];
    STORE_LOOK(3) = "store/look" => [["Incarnation", "AnswerStands"], ["N", "VersionId", "CompanyId", "ProductionUnitId", "ProviderId"], ["N", "VersionId"], ["Id"]];
    STORE_RAISE_INCARNATION(1) = "store/raise_incarnation" => [["Incarnation"]];
    STORE_VERSIONS(1) = "store/versions" => [["Incarnation", "N", "VersionId"]];
}
