//! App: one instance over its ports.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use coherence::Section;
use coherence::stream::SectionError;
use domain::forecast::{ForecastPorts, ForecastService};

use super::feed::FeedWatch;
use super::health::Readiness;
use super::notifications::{NotificationParts, NotificationStatus, Notifications};
use super::pipeline::{Pipeline, PipelineStatus, Wakes};
use super::ports::{Job, Ports};
use super::routers::{self, Routes};
use super::{readiness, settings};
use crate::auth::{SetupError, Verifier, refresh_hourly, verifier};
use crate::config::{AuthMode, Config};
use crate::http::admin::{self, AdminApi, AdminParts};
use crate::http::forecasts::{ForecastApi, JsonViews};
use crate::http::notifications::NotificationApi;
use crate::http::streams::{StreamHub, StreamPorts};
use crate::http::{ConcurrencyCap, EdgeLayer, Gatekeeper, RateLimiter, RequestIds};
use crate::serve::{Drain, Importance, ServeLimits, Served, Tasks, TasksReport, serve};
use crate::telemetry::{
    BackendMetrics, Catalogue, DeliveryMetrics, FollowMetrics, RequestMetrics, Trouble, register_cache,
    register_notifications, register_pipeline,
};

/// Why an instance cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppError {
    /// No verifier for tokens.
    #[error(transparent)]
    Auth(#[from] SetupError),
    /// The section of forecasts has no name.
    #[error(transparent)]
    Section(#[from] SectionError),
}

/// How an instance ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The connections of both APIs.
    pub served: Served,
    /// The background jobs.
    pub jobs: TasksReport,
}

/// One instance.
pub struct App {
    config: Config,
    service: ForecastService<JsonViews>,
    verifier: Arc<Verifier>,
    readiness: [Arc<Readiness>; 2],
    drain: Drain,
    jobs: Vec<Job>,
    pipeline: Pipeline,
    status: PipelineStatus,
    notifications: Notifications,
    follow: FollowMetrics,
    catalogue: Arc<Catalogue>,
    router: Routes,
    notification_api: NotificationApi,
    notification_router: Routes,
    internal_router: Routes,
}

impl App {
    /// An instance named `name` (header `X-Instance`) with an end of its own; nothing runs yet.
    ///
    /// # Errors
    /// The secret or the keys for tokens cannot be read.
    pub async fn new(config: &Config, ports: Ports, name: &str) -> Result<Self, AppError> {
        let drain = Drain::new(config.drain.delay, config.drain.deadline);
        Self::under(config, ports, name, drain).await
    }

    /// The same with an end that it shares with other instances of its process.
    ///
    /// # Errors
    /// The secret or the keys for tokens cannot be read.
    pub async fn under(config: &Config, ports: Ports, name: &str, drain: Drain) -> Result<Self, AppError> {
        let section = Section::new(settings::PARTITION, settings::SECTION)?;
        let verifier = token_verifier(config, &ports).await?;
        let mut catalogue = Catalogue::new();
        let metrics = RequestMetrics::register(&mut catalogue, templates());
        let trouble = Arc::new(Trouble::before(Arc::new(BackendMetrics::register(&mut catalogue))));
        let ports = ports.layered(config.store.timeout, config.shared.timeout, Arc::clone(&trouble) as _);
        let boot = format!("{:x}", ports.rng.next_u64() & 0xff_ffff);
        let wakes = Wakes::default();
        let service = service(config, &ports, &wakes);
        let pipeline = Pipeline::new(config, &ports, &section, &service, &wakes, name);
        let status = pipeline.status();
        let follow = FollowMetrics::register(&mut catalogue);
        let feed = status.follower.clone().map(|follower| FeedWatch {
            follower,
            service: service.clone(),
            clock: Arc::clone(&ports.clock),
            metrics: follow.clone(),
        });
        let delivered = Arc::new(DeliveryMetrics::register(&mut catalogue));
        let notifications = Notifications::new(config, &ports, delivered, name);
        let told = notifications.status().clone();
        let of_forecasts = readiness::of_forecasts(&ports, &drain, config.cache.max_stale, &trouble, feed);
        let of_notifications = readiness::of_notifications(&ports, &drain, &trouble, told.clone());
        let readiness = [Arc::new(of_forecasts), Arc::new(of_notifications)];
        let limits = &config.limits;
        let keeper = gatekeeper(config, &verifier);
        let notification_api = notifications.api(config, &ports, gatekeeper(config, &verifier), &drain);
        let streams = streams(config, &ports, &section, &status, &drain);
        let slots = streams.slots().clone();
        let api = ForecastApi::new(service.clone(), Arc::clone(&keeper), &config.http, limits, streams);
        let admin =
            AdminApi::new(AdminParts { keeper, service: service.clone(), status: status.clone(), ports: &ports });

        register_cache(&mut catalogue, &service);
        let caches = service.clone();
        let is_trusted = move || caches.caches().cache().is_trusted();
        register_pipeline(&mut catalogue, status.clone(), is_trusted, slots, Arc::clone(&ports.clock));
        register_notifications(&mut catalogue, told, Arc::clone(&ports.clock));
        let cap = ConcurrencyCap::new(config.http.max_concurrent_requests);
        let catalogue = Arc::new(catalogue);
        let edge = EdgeLayer::new(RequestIds::new(name, &boot), metrics, config.log.requests, Some(cap));
        Ok(Self {
            router: routers::public(api, &readiness[0], config, &edge),
            notification_router: routers::of_notifications(notification_api.clone(), &readiness[1], config, &edge),
            notification_api,
            internal_router: routers::internal(Arc::clone(&catalogue), &readiness[0], admin, &edge),
            catalogue,
            config: config.clone(),
            service,
            verifier,
            readiness,
            drain,
            jobs: ports.jobs,
            pipeline,
            status,
            notifications,
            follow,
        })
    }

    /// The API, ready to serve.
    pub fn router(&self) -> Routes {
        self.router.clone()
    }

    /// The notification API, ready to serve.
    pub fn notification_router(&self) -> Routes {
        self.notification_router.clone()
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

    /// Where the jobs stand.
    pub fn status(&self) -> &PipelineStatus {
        &self.status
    }

    /// The use cases of the notification service.
    pub fn notifications(&self) -> &NotificationParts {
        self.notifications.parts()
    }

    /// Where the jobs of the notification service stand.
    pub fn notification_status(&self) -> &NotificationStatus {
        self.notifications.status()
    }

    /// The handle to the orderly end.
    pub fn drain(&self) -> &Drain {
        &self.drain
    }

    /// Serves forecasts and the inside, and runs the jobs, until the drain is over.
    pub async fn serve<A: Listener, I: Listener>(self, api: A, internal: I) -> Ended {
        self.serve_all(api, None::<A>, internal).await
    }

    /// Serves all routers, the notification API if it has a listener, and runs the jobs, until the drain is over.
    pub async fn serve_all<A: Listener, N: Listener, I: Listener>(
        self,
        api: A,
        notifications: Option<N>,
        internal: I,
    ) -> Ended {
        let tasks = Tasks::new(self.drain.clone());
        for job in self.jobs {
            tasks.spawn(job.name, Importance::Critical, repeat(job, tasks.stop_token()));
        }
        if let Some(follower) = &self.status.follower {
            let events = self.service.caches().cache().events();
            let listening = self.follow.listen(follower.listen(), events, tasks.stop_token());
            tasks.spawn("follow-metrics", Importance::Ordinary, listening);
        }
        self.pipeline.spawn(&tasks);
        self.notifications.spawn(&tasks);
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
        self.readiness.iter().for_each(|readiness| readiness.started());
        let (router, drain) = (self.notification_router, self.drain.clone());
        let beside = async move {
            match notifications {
                Some(listener) => serve(listener, router, limits, drain).await,
                None => Served::default(),
            }
        };
        let (forecasts, beside) = tokio::join!(serve(api, self.router, limits, self.drain.clone()), beside);
        let served = forecasts.plus(beside);
        // Writes are detached from their requests: what a client did not wait for is finished too.
        let writes = async { tokio::join!(self.service.drain(), self.notification_api.drain()) };
        if tokio::time::timeout(self.config.drain.deadline, writes).await.is_err() {
            tracing::warn!("writes were still running at the drain's deadline");
        }
        watched.begin();
        let jobs = tasks.shut_down(self.config.drain.deadline).await;
        Ended { served, jobs }
    }
}

async fn token_verifier(config: &Config, ports: &Ports) -> Result<Arc<Verifier>, SetupError> {
    let (clock, secret) = (Arc::clone(&ports.clock), Arc::clone(&ports.rng));
    let now = Arc::new(move || clock.now().as_second());
    let fill = move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&secret.next_u64().to_ne_bytes()[..chunk.len()]);
        }
        Ok(())
    };
    Ok(Arc::new(verifier(config, fill, ports.rng.next_u64(), now).await?))
}

/// Each service has one: a caller's rate at one is nothing to the other.
fn gatekeeper(config: &Config, verifier: &Arc<Verifier>) -> Arc<Gatekeeper> {
    let limits = &config.limits;
    let limiter = RateLimiter::new(limits.rate_per_s, limits.burst, limits.subjects_max);
    Arc::new(Gatekeeper { verifier: Arc::clone(verifier), limiter })
}

fn streams(config: &Config, ports: &Ports, section: &Section, status: &PipelineStatus, drain: &Drain) -> StreamHub {
    let needed = StreamPorts {
        follower: status.follower.clone(),
        backplane: Arc::clone(&ports.backplane),
        section: section.clone(),
        tickets: Arc::clone(&ports.tickets),
        clock: Arc::clone(&ports.clock),
        rng: Arc::clone(&ports.rng),
        drain: drain.clone(),
    };
    StreamHub::new(needed, &config.streams, &config.limits)
}

/// The path templates of all routes, which are the only values of the label `route`.
fn templates() -> Vec<String> {
    let of_notifications = routers::notifications_described().1.paths.paths.into_keys();
    let mut described: BTreeSet<String> = routers::described().1.paths.paths.into_keys().collect();
    described.extend(of_notifications);
    let plain = routers::PLAIN_PATHS.into_iter().chain(admin::PATHS);
    described.into_iter().chain(plain.map(str::to_owned)).collect()
}

fn service(config: &Config, ports: &Ports, wakes: &Wakes) -> ForecastService<JsonViews> {
    let needed = ForecastPorts {
        store: Arc::clone(&ports.store),
        shared: Arc::clone(&ports.shared),
        ids: Arc::clone(&ports.ids),
        clock: Arc::clone(&ports.clock),
        rng: Arc::clone(&ports.rng),
        wake: wakes.of_commits(),
    };
    ForecastService::new(settings::forecast(config), needed, JsonViews::new(&config.http))
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
