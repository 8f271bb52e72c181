//! What is the adapter's own: migrations, and the look for an operator.

use std::sync::Arc;
use std::time::Duration;

use adapters::sqlserver::testing::ScratchDatabase;
use adapters::sqlserver::{
    FeedMode, Phase, SqlServer, SqlServerConfig, SqlServerError, check, dry_run, examine, migrate,
};
use adapters::system::SystemClock;
use containers::sqlserver::SqlServer as Server;

use crate::conformance::block_on;

const BOTH: [FeedMode; 2] = [FeedMode::ChangeTracking, FeedMode::Cdc];

/// In both modes: what was brought is not brought again, and nothing else is due.
pub(crate) fn a_second_migration_finds_nothing_to_do(server: &Server) {
    block_on(async {
        for feed in BOTH {
            let scratch = ScratchDatabase::create(server.connection(), feed).await.unwrap();
            let (settings, due) = check(&scratch.config).await.unwrap();
            assert_eq!((settings.complaints(feed), due), (Vec::new(), Vec::new()), "{feed:?}");
            assert_eq!(dry_run(&scratch.config, Phase::Contract).await.unwrap(), [""; 0]);
            let again = migrate(scratch.config.clone(), Phase::Contract).await.unwrap();
            assert_eq!((again.applied, again.arranged), (Vec::new(), Vec::new()), "{feed:?}");
            scratch.drop_it().await.unwrap();
        }
    });
}

pub(crate) fn a_database_that_is_behind_is_not_opened(server: &Server) {
    block_on(async {
        let scratch = ScratchDatabase::create(server.connection(), FeedMode::ChangeTracking).await.unwrap();
        scratch.run(&["DELETE FROM dbo.SmartPulseMigrations WHERE Number = 7;"]).await.unwrap();
        let opened = SqlServer::open(scratch.config.clone(), Arc::new(SystemClock)).await;
        assert!(matches!(opened.err(), Some(SqlServerError::Behind(1))));
        scratch.drop_it().await.unwrap();
    });
}

pub(crate) fn the_examination_finds_all_as_it_must_be(server: &Server) {
    block_on(async {
        for feed in BOTH {
            let scratch = ScratchDatabase::create(server.connection(), feed).await.unwrap();
            let found = examine(&scratch.config, &SystemClock).await.unwrap();
            assert_eq!((found.due, found.round_trips.len()), (Vec::new(), 11));
            println!("{feed:?}: {:?}", found.round_trips);
            match feed {
                FeedMode::ChangeTracking => {
                    let tracking = found.tracking.unwrap().unwrap();
                    assert!(tracking.is_tracked && tracking.may_ask && tracking.auto_cleanup, "{tracking:?}");
                    assert_eq!(tracking.retention, Duration::from_secs(8 * 24 * 60 * 60));
                }
                FeedMode::Cdc => {
                    let capture = found.capture.unwrap().unwrap();
                    assert_eq!((capture.has_instance, capture.interval), (true, Some(Duration::from_secs(1))));
                    assert_eq!(capture.retention, Some(scratch.config.retention));
                }
            }
            scratch.drop_it().await.unwrap();
        }
    });
}

pub(crate) fn a_login_that_is_refused_is_told(server: &Server) {
    block_on(async {
        let config = SqlServerConfig::new(server.connection()).unwrap().with_login("nobody", "hunter2-is-wrong");
        let error = examine(&config, &SystemClock).await.err().unwrap();
        let said = format!("{error:?}");
        assert!(said.contains("18456") && !said.contains("hunter2"), "{said}");
    });
}
