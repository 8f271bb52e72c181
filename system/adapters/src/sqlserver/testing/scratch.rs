//! A database of a test's own, on a server that a test was given (feature `testing`).

use crate::sqlserver::connection::Pool;
use crate::sqlserver::errors::SqlServerError;
use crate::sqlserver::{FeedMode, Phase, SqlServerConfig, migrate};

/// A migrated database that nobody else uses. [`ScratchDatabase::drop_it`] takes it away; one that is left is named
/// `smartpulse_test_...`.
pub struct ScratchDatabase {
    /// How to open it.
    pub config: SqlServerConfig,
    server: SqlServerConfig,
    name: String,
}

async fn run(config: &SqlServerConfig, texts: &[&str]) -> Result<(), SqlServerError> {
    let failed = || SqlServerError::during("a test's own statement");
    let mut config = config.clone();
    config.connections = 1;
    let pool = Pool::new(config)?;
    let mut session = pool.session().await.map_err(failed())?;
    for text in texts {
        session.batch(text).await.map_err(failed())?;
    }
    Ok(())
}

impl ScratchDatabase {
    /// Makes one, migrated for this mode of the feed. The connection's login must be allowed to create databases.
    ///
    /// # Errors
    /// [`SqlServerError`].
    pub async fn create(connection: &str, feed: FeedMode) -> Result<Self, SqlServerError> {
        let server = SqlServerConfig::new(connection)?.with_database("master");
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| SqlServerError::Setting(error.to_string()))?;
        let name = format!("smartpulse_test_{:016x}", u64::from_be_bytes(random));
        run(&server, &[&format!("CREATE DATABASE [{name}];")]).await?;
        let mut config = server.clone().with_database(&name);
        config.feed = feed;
        config.connections = 20;
        let scratch = Self { config: config.clone(), server, name };
        migrate(config, Phase::Contract).await?;
        Ok(scratch)
    }

    /// Runs batches in it, as a database administrator does.
    ///
    /// # Errors
    /// [`SqlServerError`].
    pub async fn run(&self, texts: &[&str]) -> Result<(), SqlServerError> {
        run(&self.config, texts).await
    }

    /// Forgets all changes so far, as their retention would.
    ///
    /// # Errors
    /// [`SqlServerError`].
    pub async fn forget_changes(&self) -> Result<(), SqlServerError> {
        let texts: &[&str] = match self.config.feed {
            FeedMode::ChangeTracking => &[
                "ALTER TABLE dbo.Forecasts DISABLE CHANGE_TRACKING;",
                "ALTER TABLE dbo.Forecasts ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = ON);",
            ],
            FeedMode::Cdc => &["DECLARE @mark binary(10) = sys.fn_cdc_get_max_lsn(); \
                 EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_Forecasts', @low_water_mark = @mark;"],
        };
        self.run(texts).await
    }

    /// Takes it away, whoever is connected to it.
    ///
    /// # Errors
    /// [`SqlServerError`].
    pub async fn drop_it(self) -> Result<(), SqlServerError> {
        let name = &self.name;
        let alone = format!("ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE;");
        run(&self.server, &[&alone, &format!("DROP DATABASE [{name}];")]).await
    }
}
