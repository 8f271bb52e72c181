//! How a case runs.

use std::future::Future;
use std::time::Duration;

/// No case takes longer; one that does has lost something.
const CASE_DEADLINE: Duration = Duration::from_secs(60);

/// Runs one case, and names it where the test's output is shown.
pub(super) async fn case(name: &str, run: impl Future<Output = ()>) {
    println!("conformance: {name}");
    tokio::time::timeout(CASE_DEADLINE, run)
        .await
        .unwrap_or_else(|_| panic!("{name} did not end in {CASE_DEADLINE:?}"));
}
