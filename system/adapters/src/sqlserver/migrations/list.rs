//! The migrations, in their order.

use aws_lc_rs::digest::{SHA256, digest};

/// When a migration is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Before the release that needs it starts: it takes nothing away.
    Expand,
    /// When nothing of an earlier release runs any more: it takes away what only that used.
    Contract,
}

impl Phase {
    /// As the table of migrations has it.
    pub(in crate::sqlserver) fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Contract => "contract",
        }
    }
}

/// One migration.
pub(in crate::sqlserver) struct Migration {
    /// From 1, without holes.
    pub(in crate::sqlserver) number: u32,
    pub(in crate::sqlserver) name: &'static str,
    pub(in crate::sqlserver) text: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal),* $(,)?) => {
        pub(in crate::sqlserver) const MIGRATIONS: &[Migration] = &[
            $(Migration {
                number: $number,
                name: $name,
                text: include_str!(concat!("../schema/", $name, ".sql")),
            }),*
        ];
    };
}

migrations![
    1 "0001_database",
    2 "0002_forecasts",
    3 "0003_forecast_triggers",
    4 "0004_forecast_work",
    5 "0005_change_tracking",
    6 "0006_notifications",
    7 "0007_notification_procedures",
];

impl Migration {
    /// What its first lines say: `-- phase: contract`.
    pub(in crate::sqlserver) fn phase(&self) -> Phase {
        match self.says("phase: contract") {
            true => Phase::Contract,
            false => Phase::Expand,
        }
    }

    /// Whether it is one transaction; what changes the database itself cannot be: `-- transaction: no`.
    pub(in crate::sqlserver) fn is_transaction(&self) -> bool {
        !self.says("transaction: no")
    }

    fn says(&self, what: &str) -> bool {
        let head = self.text.lines().map_while(|line| line.strip_prefix("-- "));
        head.into_iter().any(|line| line == what)
    }

    /// Its batches: between lines that say `GO`, which is no statement.
    pub(in crate::sqlserver) fn batches(&self) -> impl Iterator<Item = String> {
        let mut batches = vec![String::new()];
        for line in self.text.lines() {
            match (line.trim() == "GO", batches.last_mut()) {
                (true, _) => batches.push(String::new()),
                (false, Some(batch)) => {
                    batch.push_str(line);
                    batch.push('\n');
                }
                (false, None) => {}
            }
        }
        let is_code = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
        batches.into_iter().filter(move |batch| batch.lines().any(is_code))
    }

    /// SHA-256 of its file, in hexadecimal.
    pub(in crate::sqlserver) fn hash(&self) -> String {
        let bytes = digest(&SHA256, self.text.as_bytes());
        bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
