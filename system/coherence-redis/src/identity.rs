//! Which servers there are: asked before each head, since another one may hold an older copy.

use std::sync::Arc;

use futures_util::future::try_join_all;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::Failure;
use crate::node::Node;
use crate::reply;
use crate::servers::{Servers, slot_map};

/// Names the servers. Of one server: its run id and its replication id. Of a cluster: a hash of those of every master and
/// of the map of slots, on which all of them must agree.
pub(crate) async fn identity(servers: &Servers) -> Result<String, Failure> {
    servers.timely(ask(servers)).await
}

async fn ask(servers: &Servers) -> Result<String, Failure> {
    if !servers.is_cluster() {
        return one(&servers.single()).await;
    }
    let map = servers.refresh().await?;
    if !map.is_whole() {
        tracing::debug!("the cluster has slots without a master");
        return Err(Failure::Unavailable(None));
    }
    let text = map.text();
    let ask = async |node: Arc<Node>| {
        // One that sees another map is about to be replaced, or is cut off: what it holds may be no continuation.
        if slot_map(&node).await?.text() != text {
            tracing::debug!("the masters of the cluster do not agree on the map of slots");
            return Err(Failure::Unavailable(None));
        }
        one(&node).await
    };
    let nodes = map.masters().iter().map(|endpoint| servers.node(endpoint)).collect::<Vec<_>>();
    let mut masters = try_join_all(nodes.into_iter().map(ask)).await?;
    masters.sort();
    Ok(format!("cluster:{:032x}", xxh3_128(format!("{text};{}", masters.join(",")).as_bytes())))
}

async fn one(node: &Node) -> Result<String, Failure> {
    let mut ids = Vec::with_capacity(2);
    let mut role = None;
    for section in ["server", "replication"] {
        let mut command = redis::cmd("INFO");
        command.arg(section);
        let text = reply::text(Some(node.ask(&command).await?))?;
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(|found| found.trim().to_owned())
        };
        ids.extend(field("run_id").or_else(|| field("master_replid")));
        role = role.or_else(|| field("role"));
    }
    match (role.as_deref(), ids.len()) {
        (Some("master"), 2) => Ok(ids.join("/")),
        (Some("master"), _) => Err(Failure::Corrupt("a server without run id or replication id".to_owned())),
        _ => Err(Failure::Unavailable(None)),
    }
}
