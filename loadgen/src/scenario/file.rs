//! The file of a scenario (TOML).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{Schedule, Stage};
use crate::failure::Failure;
use crate::model::Sizes;

/// The most forecasts of a population.
const POPULATION_MAX: usize = 1_000_000;
/// The most people who are notified: each has an event stream.
const PEOPLE_MAX: usize = 500;
/// The most stages, each repetition and each pause counted.
const STAGES_MAX: usize = 100_000;
/// The longest that a reply is waited for, in milliseconds.
const TIMEOUT_MS_MAX: u64 = 600_000;
/// The most connections to a target.
const CONNECTIONS_MAX: usize = 10_000;

/// What a scenario does beside its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Reads; compared with the server's counters and the model of its tiers.
    Reads,
    /// Writes on one instance, observed on all.
    Propagation,
    /// Reads, lists and writes.
    Mixed,
    /// Many readers of one cold forecast at once, again and again.
    Stampede,
    /// The mix for long: memory and lag over time.
    Soak,
    /// The mix, with a stall in the middle.
    Outage,
    /// Events and messages to sinks.
    Notifications,
}

/// A scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, which is that of its reports' folder.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// One line for people.
    #[serde(default)]
    pub about: String,
    /// Where all randomness comes from.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The first seconds, which are not measured.
    #[serde(default)]
    pub warm_up_s: f64,
    /// Ends the run at the first threshold on `errors` that is missed.
    #[serde(default)]
    pub abort_on_fail: bool,
    /// Connections to each target.
    #[serde(default = "default_connections")]
    pub connections: usize,
    /// After so long without a reply a request has failed.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// The keys.
    pub population: Population,
    /// The requests' shares; they are put in proportion to their sum.
    pub mix: Mix,
    /// The rate over time.
    pub stages: Vec<StageText>,
    /// A stall in the middle, in seconds from the start (kind `outage`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<Stall>,
    /// What the tiers of the server hold (kind `reads`). A spawned server is given these sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Sizes>,
    /// Roles of a spawned server's instances; empty: all.
    #[serde(default)]
    pub roles: String,
    /// Further settings of a spawned server.
    #[serde(default)]
    pub server: BTreeMap<String, toml::Value>,
    /// What must hold.
    #[serde(default)]
    pub thresholds: Vec<Bound>,
}

/// The keys that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// How many forecasts.
    pub size: usize,
    /// Zipf's exponent; 0 is uniform.
    #[serde(default)]
    pub zipf: f64,
}

/// The kinds of request, in proportion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// GET of a forecast.
    pub get: f64,
    /// The same with `If-None-Match`, where the entity tag is known by then.
    pub revalidate: f64,
    /// The same with the version of the last write as `X-Min-Version`.
    pub own_write: f64,
    /// A page of the company's list.
    pub list: f64,
    /// A PATCH, on the first target.
    pub patch: f64,
    /// A forecast that is complete, of which its user is told (kind `notifications`).
    pub event: f64,
    /// A message to a user (kind `notifications`).
    pub send: f64,
}

/// A stretch of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageText {
    /// How long.
    pub seconds: f64,
    /// Arrivals per second.
    pub rate: f64,
    /// The rate at its end, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// Nothing is due for so long after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_s: Option<f64>,
    /// How often stage and pause come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// A stall that the generator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// When it begins, in seconds from the start.
    pub at_s: f64,
    /// How long it lasts.
    pub seconds: f64,
}

/// What a metric of the report must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The metric.
    pub metric: String,
    /// At least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// At most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

const fn default_seed() -> u64 {
    20_251_112
}

const fn default_connections() -> usize {
    16
}

const fn default_timeout_ms() -> u64 {
    5_000
}

fn seconds(value: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(value).map_err(|_| Failure::Usage(format!("{value} is no length in seconds")))
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`Failure::Usage`] with the place of what is wrong.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let scenario: Self = toml::from_str(text).map_err(|error| Failure::Usage(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |what: String| Err(Failure::Usage(format!("scenario {}: {what}", self.name)));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(is_name) {
            return wrong("a name is made of letters, digits, - and _".to_owned());
        }
        if !(1..=POPULATION_MAX).contains(&self.population.size) {
            return wrong(format!("population.size is between 1 and {POPULATION_MAX}"));
        }
        if !(0.0..=10.0).contains(&self.population.zipf) {
            return wrong("population.zipf is between 0 and 10".to_owned());
        }
        if !(1..=CONNECTIONS_MAX).contains(&self.connections) {
            return wrong(format!("connections is between 1 and {CONNECTIONS_MAX}"));
        }
        if !(1..=TIMEOUT_MS_MAX).contains(&self.timeout_ms) {
            return wrong(format!("timeout_ms is between 1 and {TIMEOUT_MS_MAX}"));
        }
        let mix = self.mix.shares();
        if mix.iter().any(|share| !share.is_finite() || *share < 0.0) || mix.iter().sum::<f64>() <= 0.0 {
            return wrong("the shares of mix are not negative, and at least one is more than 0".to_owned());
        }
        if self.kind == Kind::Reads && (self.mix.patch > 0.0 || self.mix.own_write > 0.0 || self.mix.list > 0.0) {
            return wrong("kind reads has get and revalidate alone: its model knows nothing else".to_owned());
        }
        let notifies = self.mix.event + self.mix.send > 0.0;
        let reads = mix.iter().sum::<f64>() > self.mix.event + self.mix.send;
        match (self.kind == Kind::Notifications, notifies, reads) {
            (true, _, true) => return wrong("kind notifications has event and send alone".to_owned()),
            (true, ..) if self.population.size > PEOPLE_MAX => {
                return wrong(format!("kind notifications has at most {PEOPLE_MAX} people (population.size)"));
            }
            (false, true, _) => return wrong("event and send are for kind notifications".to_owned()),
            _ => {}
        }
        if self.kind == Kind::Outage && self.stall.is_none() {
            return wrong("kind outage needs [stall]".to_owned());
        }
        self.check_thresholds()?;
        let (warm_up, length) = (seconds(self.warm_up_s)?, self.schedule()?.length());
        if warm_up >= length {
            return wrong("the warm-up is as long as the run".to_owned());
        }
        if let Some(stall) = self.stall {
            let end = seconds(stall.at_s)?.checked_add(seconds(stall.seconds)?);
            if stall.seconds <= 0.0 || end.is_none_or(|end| end >= length) {
                return wrong("the [stall] takes more than 0 seconds and ends before the run does".to_owned());
            }
        }
        Ok(())
    }

    fn check_thresholds(&self) -> Result<(), Failure> {
        let wrong = |what: String| Err(Failure::Usage(format!("scenario {}: {what}", self.name)));
        let mut named = BTreeSet::new();
        for bound in &self.thresholds {
            if bound.min.is_none() && bound.max.is_none() {
                return wrong(format!("the threshold on {} says neither min nor max", bound.metric));
            }
            if !named.insert(&bound.metric) {
                return wrong(format!("there are two thresholds on {}", bound.metric));
            }
        }
        Ok(())
    }

    /// When arrivals are due.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn schedule(&self) -> Result<Schedule, Failure> {
        let times = |stage: &StageText| stage.times.map_or(1, |times| usize::try_from(times).unwrap_or(usize::MAX));
        let count = self.stages.iter().fold(0_usize, |sum, stage| sum.saturating_add(times(stage).saturating_mul(2)));
        if count > STAGES_MAX || self.stages.iter().any(|stage| times(stage) == 0) {
            return Err(Failure::Usage(format!(
                "scenario {}: times is at least 1, and stages with their pauses are at most {STAGES_MAX}",
                self.name
            )));
        }
        let mut stages = Vec::new();
        for stage in &self.stages {
            let length = seconds(stage.seconds)?;
            for _ in 0..times(stage) {
                let to_per_s = stage.to.unwrap_or(stage.rate);
                stages.push(Stage { length, from_per_s: stage.rate, to_per_s });
                if let Some(pause) = stage.pause_s {
                    stages.push(Stage::constant(seconds(pause)?, 0.0));
                }
            }
        }
        Ok(Schedule::new(stages)?)
    }

    /// The warm-up.
    pub fn warm_up(&self) -> Duration {
        Duration::try_from_secs_f64(self.warm_up_s).unwrap_or_default()
    }

    /// Whether it writes beside its seeding.
    pub fn writes(&self) -> bool {
        self.mix.patch > 0.0
    }

    /// The settings of a spawned server.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut settings: BTreeMap<_, _> = self.server.iter().map(|(key, value)| (key.clone(), text(value))).collect();
        if let Some(sizes) = &self.sizes {
            settings.extend(
                [
                    ("cache.l1_bytes", sizes.l1_bytes.to_string()),
                    ("cache.l2_bytes", sizes.l2_bytes.to_string()),
                    ("shared.capacity_bytes", sizes.l3_bytes.to_string()),
                    ("cache.l1_ttl_s", sizes.l1_ttl_s.to_string()),
                    ("shared.ttl_s", sizes.l3_ttl_s.to_string()),
                    ("cache.jitter", sizes.jitter.to_string()),
                ]
                .map(|(key, value)| (key.to_owned(), value)),
            );
        }
        settings
    }
}

impl Mix {
    /// The shares, in the order of [`Mix::NAMES`].
    pub fn shares(&self) -> [f64; 7] {
        [self.get, self.revalidate, self.own_write, self.list, self.patch, self.event, self.send]
    }
}
