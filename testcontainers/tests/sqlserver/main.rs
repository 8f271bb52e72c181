//! SQL Server: the conformance of every port in both modes of the change feed, the migrations, and the doctor's look.

// A case fails by panicking; without the standard harness clippy takes it for a program.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[cfg(feature = "production")]
mod conformance;
#[cfg(feature = "production")]
mod own;

use std::process::ExitCode;

#[cfg(feature = "production")]
fn main() -> ExitCode {
    let server = containers::sqlserver::SqlServer::server();
    containers::Suite::new()
        .case("the_store_conforms", &server, conformance::the_store_conforms)
        .case("the_feed_conforms", &server, conformance::the_feed_conforms)
        .case("the_feed_of_cdc_conforms", &server, conformance::the_feed_of_cdc_conforms)
        .case("the_leases_conform", &server, conformance::the_leases_conform)
        .case("the_outbox_conforms", &server, conformance::the_outbox_conforms)
        .case("the_parking_conforms", &server, conformance::the_parking_conforms)
        .case("the_notifications_conform", &server, conformance::the_notifications_conform)
        .case("a_second_migration_finds_nothing_to_do", &server, own::a_second_migration_finds_nothing_to_do)
        .case("a_database_that_is_behind_is_not_opened", &server, own::a_database_that_is_behind_is_not_opened)
        .case("the_examination_finds_all_as_it_must_be", &server, own::the_examination_finds_all_as_it_must_be)
        .case("a_login_that_is_refused_is_told", &server, own::a_login_that_is_refused_is_told)
        .run()
}

#[cfg(not(feature = "production"))]
fn main() -> ExitCode {
    containers::without_production("sqlserver")
}
