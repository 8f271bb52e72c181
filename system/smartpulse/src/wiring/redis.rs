//! What of an instance lies on Redis: the shared tier, the backplane and the tickets.

use std::sync::Arc;

use coherence_redis::{Redis, RedisConfig};

use super::error::WiringError;
use super::redis_tickets::RedisTickets;
use crate::app::Ports;
use crate::config::{Config, SharedKind};

/// What the adapter is told.
pub(super) fn settings(config: &Config) -> RedisConfig {
    let call_timeout = config.shared.timeout;
    // An attempt to connect ends before the call that waits for it.
    let connect_timeout = call_timeout.mul_f64(0.8);
    RedisConfig { call_timeout, connect_timeout, ..RedisConfig::default() }
}

/// The ports with the shared tier, the backplane and the tickets that the configuration names. It connects with the first call: an
/// instance starts without Redis.
pub(super) fn shared(config: &Config, ports: Ports) -> Result<Ports, WiringError> {
    let (SharedKind::Redis, Some(url)) = (config.shared.kind, &config.shared.url) else { return Ok(ports) };
    let redis = Redis::open(url.expose(), settings(config))?;
    let tickets = Arc::new(RedisTickets::new(redis.one_time("ticket")));
    Ok(Ports { shared: redis.shared_tier(), backplane: redis.backplane(), tickets, ..ports })
}
