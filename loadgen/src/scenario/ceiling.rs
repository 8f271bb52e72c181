//! How fast the generator itself is: one forecast, asked for again and again, each reply checked as in every run.

use std::time::Duration;

use super::file::{Kind, Mix, Population, Scenario, StageText};
use super::traffic::ForecastTraffic;
use crate::engine::{Endpoint, Engine, Measured, Settings, Traffic as _};
use crate::failure::Failure;
use crate::http::BaseUrl;

/// Arrivals that may wait: a rate above the ceiling fills it at once.
const BACKLOG_MAX: usize = 10_000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ceiling {
    /// Of whom.
    pub url: BaseUrl,
    /// Which forecast.
    pub id: String,
    /// With which token.
    pub token: String,
    /// How often, per second.
    pub rate: f64,
    /// How long, in seconds.
    pub seconds: f64,
    /// Over how many connections.
    pub connections: usize,
}

/// Asks.
///
/// # Errors
/// [`Failure`].
pub fn ceiling(wanted: &Ceiling) -> Result<Measured, Failure> {
    let scenario = Scenario {
        name: "ceiling".to_owned(),
        kind: Kind::Reads,
        about: String::new(),
        seed: 1,
        warm_up_s: 0.0,
        abort_on_fail: false,
        connections: wanted.connections,
        timeout_ms: 10_000,
        population: Population { size: 1, zipf: 0.0 },
        mix: Mix { get: 1.0, ..Mix::default() },
        stages: vec![StageText { seconds: wanted.seconds, rate: wanted.rate, to: None, pause_s: None, times: None }],
        stall: None,
        sizes: None,
        roles: String::new(),
        server: Default::default(),
        thresholds: Vec::new(),
    };
    scenario.check()?;
    let address = wanted.url.resolve().map_err(|error| Failure::Target(format!("{}: {error}", wanted.url)))?;
    let settings = Settings {
        targets: vec![Endpoint { address, tls: wanted.url.tls().cloned() }],
        connections: wanted.connections,
        schedule: scenario.schedule()?,
        warm_up: Duration::ZERO,
        timeout: Duration::from_millis(scenario.timeout_ms),
        backlog_max: BACKLOG_MAX,
        drain: Duration::from_secs(2),
    };
    let targets = [wanted.url.clone()];
    let mut traffic = ForecastTraffic::new(&scenario, &targets, &wanted.token, vec![wanted.id.clone()], String::new());
    Ok(Engine::connect(settings, &traffic.kinds())?.run(&mut traffic, &mut |_| None)?)
}
