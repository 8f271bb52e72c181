//! Counters and durations of the HTTP interface.

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::catalogue::Catalogue;

const DURATION_BUCKETS_S: [f64; 12] = [0.000_1, 0.000_25, 0.001, 0.002_5, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const UNMATCHED: &str = "unmatched";

/// The labels of a request. The route is its template, never its path: ids are no labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

/// What is counted of each request. The series of the two common answers, 200 and 304 to a GET, are looked up once per
/// route and not once per request.
#[derive(Debug)]
pub struct RequestMetrics {
    requests: Family<Labels, Counter>,
    panics: Counter,
    running: Gauge,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    template: String,
    pattern: Pattern,
    duration: Histogram,
    get_ok: Counter,
    get_not_modified: Counter,
}

/// A route of this instance's table; see [`RequestMetrics::route`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteIndex(usize);

impl RequestMetrics {
    /// Registers the metrics, for these route templates (`/api/forecasts/{id}`).
    pub fn register(catalogue: &mut Catalogue, templates: impl IntoIterator<Item = String>) -> Self {
        let requests = Family::<Labels, Counter>::default();
        let histogram: fn() -> Histogram = || Histogram::new(DURATION_BUCKETS_S);
        let durations = Family::<RouteLabel, Histogram>::new_with_constructor(histogram);
        let (panics, running) = (Counter::default(), Gauge::default());
        catalogue.register("http_requests", "Requests answered, by route, method and status", requests.clone());
        let help = "Time from the request's head to the response's head, by route";
        catalogue.register_with_unit("http_request_duration", help, Unit::Seconds, durations.clone());
        catalogue.register("http_panics", "Handlers that panicked and were answered with 500", panics.clone());
        catalogue.register("http_requests_running", "Requests that run now", running.clone());
        let routes = std::iter::once(UNMATCHED.to_owned()).chain(templates).map(|template| {
            let get = |status| Labels { route: template.clone(), method: "GET", status };
            Route {
                duration: durations.get_or_create_owned(&RouteLabel { route: template.clone() }),
                get_ok: requests.get_or_create_owned(&get(200)),
                get_not_modified: requests.get_or_create_owned(&get(304)),
                pattern: Pattern::new(&template),
                template,
            }
        });
        Self { panics, running, routes: routes.collect(), requests }
    }

    /// The entry of a path's route; what matches none shares one. A literal route is preferred to a parameter, as the
    /// router does.
    pub fn route(&self, path: &str) -> RouteIndex {
        let found = self.routes.iter().position(|route| route.template == path);
        let found = found.or_else(|| {
            self.routes.iter().position(|route| route.pattern.has_parameters() && route.pattern.matches(path))
        });
        RouteIndex(found.unwrap_or(0))
    }

    /// A request begins.
    pub fn begin(&self) {
        self.running.inc();
    }

    /// A request ended, whether answered or dropped by its client.
    pub fn end(&self) {
        self.running.dec();
    }

    /// A request was answered.
    pub fn answered(&self, route: RouteIndex, method: &Method, status: StatusCode, took: Duration) {
        let Some(route) = self.routes.get(route.0) else { return };
        route.duration.observe(took.as_secs_f64());
        match (method, status) {
            (&Method::GET, StatusCode::OK) => route.get_ok.inc(),
            (&Method::GET, StatusCode::NOT_MODIFIED) => route.get_not_modified.inc(),
            _ => {
                let (route, status) = (route.template.clone(), status.as_u16());
                self.requests.get_or_create(&Labels { route, method: name_of(method), status }).inc()
            }
        };
    }

    /// A handler panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }
}

/// Methods outside this list are the client's invention, and would be as many series as it likes.
/// A template, cut at its parameters once and not with each request.
#[derive(Debug)]
struct Pattern(Vec<String>);

impl Pattern {
    fn new(template: &str) -> Self {
        let mut pieces = template.split('{');
        let first = pieces.next().unwrap_or_default().to_owned();
        let rest = pieces.map(|piece| piece.split_once('}').map_or("", |(_, after)| after).to_owned());
        Self(std::iter::once(first).chain(rest).collect())
    }

    fn has_parameters(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether a path is one of the template's: each parameter stands for one segment.
    fn matches(&self, path: &str) -> bool {
        let [first, rest @ ..] = &*self.0 else { return false };
        let Some(mut left) = path.strip_prefix(first.as_str()) else { return false };
        for piece in rest {
            let end = left.find('/').unwrap_or(left.len());
            match left[end..].strip_prefix(piece.as_str()) {
                Some(after) if end > 0 => left = after,
                _ => return false,
            }
        }
        left.is_empty()
    }
}

fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_template_method_and_status() {
        let mut catalogue = Catalogue::new();
        let metrics = RequestMetrics::register(&mut catalogue, ["/api/forecasts/{id}".to_owned()]);
        let route = metrics.route("/api/forecasts/7");
        let took = Duration::from_millis(2);
        metrics.answered(route, &Method::GET, StatusCode::OK, took);
        metrics.answered(route, &Method::GET, StatusCode::OK, took);
        metrics.answered(route, &Method::PATCH, StatusCode::CONFLICT, took);
        metrics.answered(metrics.route("/wp-admin"), &Method::from_bytes(b"X1").unwrap(), StatusCode::OK, took);
        let text = catalogue.encode();
        for line in [
            r#"http_requests_total{route="/api/forecasts/{id}",method="GET",status="200"} 2"#,
            r#"http_requests_total{route="/api/forecasts/{id}",method="PATCH",status="409"} 1"#,
            r#"http_requests_total{route="unmatched",method="other",status="200"} 1"#,
            r#"http_request_duration_seconds_count{route="/api/forecasts/{id}"} 3"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn paths_find_their_template() {
        for (template, path, expected) in [
            ("/a/{id}", "/a/7", true),
            ("/a/{id}", "/a/", false),
            ("/a/{id}", "/a/7/b", false),
            ("/a/{id}/b", "/a/7/b", true),
            ("/a/{id}/b/{x}", "/a/7/b/8", true),
            ("/a", "/a", true),
            ("/a", "/ab", false),
        ] {
            assert_eq!(Pattern::new(template).matches(path), expected, "{template} {path}");
        }
        let metrics = RequestMetrics::register(&mut Catalogue::new(), ["/a/{id}", "/a/batch"].map(str::to_owned));
        assert_ne!(metrics.route("/a/batch"), metrics.route("/a/7"));
        assert_eq!(metrics.route("/a"), metrics.route("/nowhere"));
    }
}
