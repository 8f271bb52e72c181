//! What is to be done to the database before this release can serve from it: SQLite's file, or SQL Server's database.

use adapters::sqlite;

use super::embedded;
use super::error::WiringError;
use crate::config::{Config, StoreKind};

/// When a migration may be brought (expand and contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MigrationPhase {
    /// Before the release that needs it: the release before works on beside it.
    Expand,
    /// After the last process of the release before has ended: it takes away what only that one used.
    Contract,
}

impl MigrationPhase {
    /// As an operator writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Contract => "contract",
        }
    }
}

/// A migration that was not brought yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMigration {
    /// Such as `0005_change_tracking`.
    pub name: String,
    /// When it may be brought.
    pub phase: MigrationPhase,
}

/// Where a database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which database, and what it says about itself.
    pub about: Vec<String>,
    /// What is due, in its order.
    pub due: Vec<DueMigration>,
}

/// Looks at the database, and changes nothing.
///
/// # Errors
/// It cannot be reached, or is not ours.
pub async fn standing(config: &Config) -> Result<Standing, WiringError> {
    match config.store.kind {
        StoreKind::Memory => Err(WiringError::NothingKept),
        StoreKind::Sqlite => of_file(config).await,
        StoreKind::SqlServer => of_server::standing(config).await,
    }
}

/// The statements that [`bring`] would run, and runs none.
///
/// # Errors
/// It cannot be reached, or is not ours.
pub async fn statements(config: &Config, phase: MigrationPhase) -> Result<Vec<String>, WiringError> {
    match config.store.kind {
        StoreKind::Memory => Err(WiringError::NothingKept),
        StoreKind::Sqlite => {
            let looked = sqlite::look_at_file(&config.store.path).await?;
            Ok(sqlite::texts_after(looked.from).into_iter().map(str::to_owned).collect())
        }
        StoreKind::SqlServer => of_server::statements(config, phase).await,
    }
}

/// Brings what is due up to `phase`, and answers what was done, for people.
///
/// # Errors
/// It cannot be reached or written, or is not ours.
pub async fn bring(config: &Config, phase: MigrationPhase) -> Result<Vec<String>, WiringError> {
    match config.store.kind {
        StoreKind::Memory => Err(WiringError::NothingKept),
        StoreKind::Sqlite => {
            let migrated = embedded::migrate(&config.store.path).await?;
            let (path, from, to) = (config.store.path.display(), migrated.from, migrated.to);
            Ok(vec![match from {
                0 => format!("{path}: made with schema {to}"),
                _ if from == to => format!("{path}: has schema {to} already"),
                _ => format!("{path}: from schema {from} to schema {to}"),
            }])
        }
        StoreKind::SqlServer => of_server::bring(config, phase).await,
    }
}

async fn of_file(config: &Config) -> Result<Standing, WiringError> {
    let looked = sqlite::look_at_file(&config.store.path).await?;
    let about = match looked.from {
        0 => format!("{}: not made yet", config.store.path.display()),
        from => format!("{}: schema {from}, this release's is {}", config.store.path.display(), looked.to),
    };
    let due = (looked.from + 1..=looked.to)
        .map(|schema| DueMigration { name: format!("schema {schema}"), phase: MigrationPhase::Expand });
    Ok(Standing { about: vec![about], due: due.collect() })
}

#[cfg(feature = "production")]
mod of_server {
    use adapters::sqlserver::{self, Phase};

    use super::{DueMigration, MigrationPhase, Standing};
    use crate::config::Config;
    use crate::wiring::{WiringError, sqlserver as wired};

    fn phase_of(phase: MigrationPhase) -> Phase {
        match phase {
            MigrationPhase::Expand => Phase::Expand,
            MigrationPhase::Contract => Phase::Contract,
        }
    }

    pub(super) async fn standing(config: &Config) -> Result<Standing, WiringError> {
        let settings = wired::settings(config)?;
        let (server, due) = sqlserver::check(&settings).await?;
        let about = format!("{}: SQL Server {}, {}", settings.address(), server.version, server.edition);
        let due = due.into_iter().map(|one| DueMigration {
            name: one.name,
            phase: if one.phase == Phase::Expand { MigrationPhase::Expand } else { MigrationPhase::Contract },
        });
        Ok(Standing { about: vec![about], due: due.collect() })
    }

    pub(super) async fn statements(config: &Config, phase: MigrationPhase) -> Result<Vec<String>, WiringError> {
        let batches = sqlserver::dry_run(&wired::settings(config)?, phase_of(phase)).await?;
        Ok(batches.into_iter().map(|batch| format!("{}\nGO", batch.trim_end())).collect())
    }

    pub(super) async fn bring(config: &Config, phase: MigrationPhase) -> Result<Vec<String>, WiringError> {
        let settings = wired::settings(config)?;
        let address = settings.address();
        let migrated = sqlserver::migrate(settings, phase_of(phase)).await?;
        let done: Vec<String> =
            migrated.applied.into_iter().chain(migrated.arranged).map(|what| format!("{address}: {what}")).collect();
        match done.is_empty() {
            true => Ok(vec![format!("{address}: nothing was due up to the phase {}", phase.name())]),
            false => Ok(done),
        }
    }
}

/// Without the feature the configuration refuses SQL Server before.
#[cfg(not(feature = "production"))]
mod of_server {
    use super::{MigrationPhase, Standing};
    use crate::config::Config;
    use crate::wiring::WiringError;

    pub(super) async fn standing(_: &Config) -> Result<Standing, WiringError> {
        Err(WiringError::Kinds)
    }

    pub(super) async fn statements(_: &Config, _: MigrationPhase) -> Result<Vec<String>, WiringError> {
        Err(WiringError::Kinds)
    }

    pub(super) async fn bring(_: &Config, _: MigrationPhase) -> Result<Vec<String>, WiringError> {
        Err(WiringError::Kinds)
    }
}
