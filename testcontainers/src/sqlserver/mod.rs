//! A SQL Server for suites.
//!
//! `SMARTPULSE_TEST_SQLSERVER_URL`, a connection string whose login may create databases; or a container of Microsoft's image
//! with its Agent on. There is no package of it, so no local process. Each case has a database of its own.

mod container;
mod environment;
mod server;

pub use server::SqlServer;
