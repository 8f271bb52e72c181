//! App: one instance over its ports.

use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use coherence::Freshness;
use domain::forecast::{ForecastConfig, ForecastPorts, ForecastService};

use super::health::Readiness;
use super::ports::{Job, Ports};
use super::routers::{self, Routes};
use crate::auth::{SetupError, Verifier, refresh_hourly, verifier};
use crate::config::{AuthMode, Config};
use crate::http::forecasts::{ForecastApi, JsonViews};
use crate::http::{ConcurrencyCap, EdgeLayer, Gatekeeper, RateLimiter, RequestIds};
use crate::serve::{Drain, Importance, ServeLimits, Served, Tasks, TasksReport, serve};
use crate::telemetry::{BackendMetrics, Catalogue, RequestMetrics, register_cache};

/// Why an instance cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppError {
    /// No verifier for tokens.
    #[error(transparent)]
    Auth(#[from] SetupError),
}

/// How an instance ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The connections of the API.
    pub served: Served,
    /// The background jobs.
    pub jobs: TasksReport,
}

/// One instance.
pub struct App {
    config: Config,
    service: ForecastService<JsonViews>,
    verifier: Arc<Verifier>,
    readiness: Arc<Readiness>,
    drain: Drain,
    jobs: Vec<Job>,
    catalogue: Arc<Catalogue>,
    router: Routes,
    internal_router: Routes,
}

impl App {
    /// An instance named `name` (header `X-Instance`); nothing runs yet.
    ///
    /// # Errors
    /// The secret or the keys for tokens cannot be read.
    pub async fn new(config: &Config, ports: Ports, name: &str) -> Result<Self, AppError> {
        let clock = Arc::clone(&ports.clock);
        let now = Arc::new(move || clock.now().as_second());
        let secret = Arc::clone(&ports.rng);
        let fill = move |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(8) {
                chunk.copy_from_slice(&secret.next_u64().to_ne_bytes()[..chunk.len()]);
            }
            Ok(())
        };
        let verifier = Arc::new(verifier(config, fill, ports.rng.next_u64(), now).await?);
        let mut catalogue = Catalogue::new();
        let metrics = RequestMetrics::register(&mut catalogue, templates());
        let meter = Arc::new(BackendMetrics::register(&mut catalogue));
        let ports = ports.layered(config.store.timeout, config.shared.timeout, meter);
        let boot = format!("{:x}", ports.rng.next_u64() & 0xff_ffff);
        let service = service(config, &ports);
        let drain = Drain::new(config.drain.delay, config.drain.deadline);
        let readiness = Arc::new(readiness(config, &ports, &service, &drain));
        let limits = &config.limits;
        let limiter = RateLimiter::new(limits.rate_per_s, limits.burst, limits.subjects_max);
        let keeper = Arc::new(Gatekeeper { verifier: Arc::clone(&verifier), limiter });
        let api = ForecastApi::new(service.clone(), keeper, &config.http, limits);

        register_cache(&mut catalogue, &service);
        let cap = ConcurrencyCap::new(config.http.max_concurrent_requests);
        let catalogue = Arc::new(catalogue);
        let edge = EdgeLayer::new(RequestIds::new(name, &boot), metrics, config.log.requests, Some(cap));
        Ok(Self {
            router: routers::public(api, &readiness, &config.http, &edge),
            internal_router: routers::internal(Arc::clone(&catalogue), &readiness, &edge),
            catalogue,
            config: config.clone(),
            service,
            verifier,
            readiness,
            drain,
            jobs: ports.jobs,
        })
    }

    /// The API, ready to serve.
    pub fn router(&self) -> Routes {
        self.router.clone()
    }

    /// Metrics and health for the inside.
    pub fn internal_router(&self) -> Routes {
        self.internal_router.clone()
    }

    /// The use cases, for whoever shares the process (the sample, benches).
    pub fn service(&self) -> &ForecastService<JsonViews> {
        &self.service
    }

    /// The metrics, for their page.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The handle to the orderly end.
    pub fn drain(&self) -> &Drain {
        &self.drain
    }

    /// Serves both routers and runs the jobs, until the drain is over.
    pub async fn serve<A: Listener, I: Listener>(self, api: A, internal: I) -> Ended {
        let tasks = Tasks::new(self.drain.clone());
        for job in self.jobs {
            tasks.spawn(job.name, Importance::Critical, repeat(job, tasks.stop_token()));
        }
        if matches!(self.config.auth.mode, AuthMode::JwksFile(_) | AuthMode::JwksUrl(_)) {
            tasks.spawn("jwks", Importance::Ordinary, refresh_hourly(self.verifier, tasks.stop_token()));
        }
        let limits = ServeLimits::from(&self.config.http);
        // The internal address answers until the end: the drain itself is watched there.
        let watched = Drain::new(Duration::ZERO, Duration::ZERO);
        let (inside, until) = (self.internal_router, watched.clone());
        tasks.spawn("internal", Importance::Ordinary, async move {
            serve(internal, inside, limits, until).await;
        });
        self.readiness.started();
        let served = serve(api, self.router, limits, self.drain.clone()).await;
        // Writes are detached from their requests: what a client did not wait for is finished too.
        if tokio::time::timeout(self.config.drain.deadline, self.service.drain()).await.is_err() {
            tracing::warn!("writes were still running at the drain's deadline");
        }
        watched.begin();
        let jobs = tasks.shut_down(self.config.drain.deadline).await;
        Ended { served, jobs }
    }
}

/// The path templates of all routes, which are the only values of the label `route`.
fn templates() -> Vec<String> {
    let described = routers::described().1.paths.paths.into_keys();
    described.chain(routers::PLAIN_PATHS.map(str::to_owned)).collect()
}

fn service(config: &Config, ports: &Ports) -> ForecastService<JsonViews> {
    let forecast = ForecastConfig {
        cache: cache_config(config),
        read: read_options(config),
        list: list_options(config),
        idempotency_life: config.limits.idempotency_ttl,
    };
    let needed = ForecastPorts {
        store: Arc::clone(&ports.store),
        shared: Arc::clone(&ports.shared),
        ids: Arc::clone(&ports.ids),
        clock: Arc::clone(&ports.clock),
        rng: Arc::clone(&ports.rng),
    };
    ForecastService::new(forecast, needed, JsonViews::new(&config.http))
}

fn cache_config(config: &Config) -> coherence::CacheConfig {
    let cache = &config.cache;
    let longest = cache.l1_ttl.max(cache.output_ttl).max(config.shared.ttl) + cache.max_stale;
    coherence::CacheConfig {
        l1_bytes: cache.l1_bytes,
        l2_bytes: cache.l2_bytes,
        output_bytes: cache.output_bytes,
        floors_max: cache.floors_max,
        stamps_max: cache.stamps_max,
        freshness: Freshness::TtlOnly { l2_ttl: cache.l2_ttl },
        // Longer than any fill and any entry of a list, so that nothing outlives what would refuse it.
        floor_life: coherence::CacheConfig::default().floor_life.max(2 * cache.hard_timeout),
        stamp_life: longest + 2 * cache.hard_timeout,
        shared_ttl_max: config.shared.ttl,
        ..coherence::CacheConfig::default()
    }
}

fn read_options(config: &Config) -> coherence::ReadOptions {
    let cache = &config.cache;
    coherence::ReadOptions {
        ttl: cache.l1_ttl,
        shared_ttl: config.shared.ttl,
        negative_ttl: cache.negative_ttl,
        jitter: cache.jitter,
        soft_timeout: Some(cache.soft_timeout),
        hard_timeout: cache.hard_timeout,
        shared_timeout: config.shared.timeout,
        max_stale: Some(cache.max_stale).filter(|age| !age.is_zero()),
        ..coherence::ReadOptions::default()
    }
}

fn list_options(config: &Config) -> coherence::ReadOptions {
    coherence::ReadOptions { ttl: config.cache.output_ttl, ..read_options(config) }
}

fn readiness(config: &Config, ports: &Ports, service: &ForecastService<JsonViews>, drain: &Drain) -> Readiness {
    let service = service.clone();
    let shared_errors = move || service.caches().cache().stats().shared_errors;
    Readiness::new(Arc::clone(&ports.store), drain.clone(), config.cache.max_stale, shared_errors)
}

/// Runs a job until it is told to stop. A failed run is logged; the next one comes at its time.
async fn repeat(job: Job, stop: tokio_util::sync::CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(job.every) => {}
        }
        if let Err(error) = (job.run)().await {
            tracing::error!(job = job.name, error = &*error as &dyn std::error::Error, "a run of a job failed");
        }
    }
}
