//! The plans of the statements that are asked all the time, or grow with the tables: each must walk an index.

use std::sync::Arc;

use coherence::Timestamp;
use domain::notification::model::{InboxCursor, NotificationId};
use domain::ports::InboxStart;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::{accept, claim, deliveries, devices, inbox, mail, prune, push, queue, recipients, suppressions};
use crate::sqlite::{Sqlite, SqliteConfig};
use crate::system::SystemClock;

const TABLES: [&str; 14] = [
    "NotificationAcceptances",
    "NotificationAnswers",
    "Notifications",
    "SysUserDeviceInfo",
    "NotificationPreferences",
    "UserDirectory",
    "NotificationDeliveries",
    "MailIntents",
    "NheaMailQueue",
    "MailAttachments",
    "MailAttachmentUses",
    "MailSuppressions",
    "MailUnsubscribeTokens",
    "NotificationPositions",
];

async fn plan_of(sqlite: &Sqlite, sql: &str) -> String {
    let sql = format!("EXPLAIN QUERY PLAN {sql}");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&sqlite.shared.readers).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail") + "\n").collect()
}

#[tokio::test]
async fn nothing_walks_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(SqliteConfig::new(folder.path().join("db")), Arc::new(SystemClock)).await.unwrap();
    let cursor = InboxCursor { created_at: Timestamp::UNIX_EPOCH, id: NotificationId(Uuid::nil()) };
    let look = accept::LOCK_AND_LOOK.split_once(';').unwrap().1.to_owned();
    let in_due = |select: &str| format!("{select} ({}) ORDER BY d.AvailableAt, d.Number", claim::DUE);
    let statements = [
        (look, "sqlite_autoindex_NotificationAcceptances_2"),
        (accept::DEVICES.to_owned(), "SysUserDeviceInfo_ByUser"),
        (accept::ANSWER.to_owned(), "PRIMARY KEY"),
        (accept::HELD.to_owned(), "COVERING INDEX MailAttachments_ByAge"),
        (inbox::page_sql(InboxStart::Skip(10)), "Notifications_ByUser"),
        (inbox::page_sql(InboxStart::After(cursor)), "Notifications_ByUser"),
        (inbox::UNREAD.to_owned(), "Notifications_Unread"),
        (inbox::CHANGES.to_owned(), "Notifications_ByPosition"),
        (format!("SELECT 1 {}", devices::LIST), "SysUserDeviceInfo_ByUser"),
        (format!("SELECT 1 {}", devices::KNOWN), "sqlite_autoindex_SysUserDeviceInfo_2"),
        (recipients::PREFERENCES.to_owned(), "PRIMARY KEY"),
        (recipients::RECIPIENTS.to_owned(), "NotificationPreferences_ByCompany"),
        (recipients::USERS.to_owned(), "PRIMARY KEY"),
        (claim::NEXT.to_owned(), "NotificationDeliveries_Waiting"),
        (claim::AHEAD.to_owned(), "NotificationDeliveries_Waiting"),
        (claim::DUE.to_owned(), "NotificationDeliveries_Waiting"),
        (claim::FREE_AHEAD.to_owned(), "NotificationDeliveries_Waiting"),
        (claim::RELEASE.to_owned(), "NotificationDeliveries_Claimed"),
        (in_due(push::SELECT), "NotificationDeliveries_Waiting"),
        (in_due(mail::SELECT), "NotificationDeliveries_Waiting"),
        (in_due(queue::SELECT), "NotificationDeliveries_Waiting"),
        (queue::HELD.to_owned(), "NotificationDeliveries_Unknown"),
        (queue::FILES.to_owned(), "sqlite_autoindex_MailAttachments_1"),
        (suppressions::LIST.to_owned(), "MailSuppressions_ByTime"),
        (suppressions::LIST_AFTER.to_owned(), "MailSuppressions_ByTime"),
        (suppressions::OF_TOKEN.to_owned(), "sqlite_autoindex_MailUnsubscribeTokens_2"),
        (deliveries::LOG.to_owned(), "NotificationDeliveries_OfNotification"),
        (format!("SELECT 1 FROM NotificationDeliveries WHERE {}", deliveries::SINCE), "NotificationDeliveries_Final"),
        (deliveries::BACKLOG.to_owned(), "NotificationDeliveries_Waiting"),
        (format!("SELECT Number {}", prune::OLD), "NotificationDeliveries_Final"),
        (prune::INBOX.to_owned(), "Notifications_ByAge"),
        (prune::ACCEPTANCES.to_owned(), "NotificationAcceptances_ByAge"),
        (prune::ANSWERS.to_owned(), "NotificationAnswers_ByExpiry"),
        (prune::FILES.to_owned(), "MailAttachments_ByAge"),
    ];
    let written = [push::RESOLVE, push::REPORT, queue::ORPHANS, queue::SUPPRESSED, queue::PROGRESS, mail::SETTLE];
    let is_plain = |sql: &&str| !matches!(sql.trim(), "" | "COMMIT" | "BEGIN IMMEDIATE");
    let written = written.iter().flat_map(|all| all.split(';').filter(is_plain)).map(|one| (one.to_owned(), "SEARCH"));
    for (sql, index) in statements.into_iter().chain(written) {
        let plan = plan_of(&sqlite, sql.split(';').next().unwrap_or(&sql)).await;
        assert!(plan.contains(index), "{sql}:\n{plan}");
        for table in TABLES {
            // A walk along an index in its order, up to a limit, is none; nor is one that only counts.
            let walks = |line: &str| {
                line.trim() == format!("SCAN {table}") || matches!(line.trim(), "SCAN d" | "SCAN q" | "SCAN s")
            };
            assert!(!plan.lines().any(walks), "{sql}:\n{plan}");
        }
    }
}
