//! A client that writes down what it asks and what it is told.

use http::{HeaderMap, Method};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::http::{HttpClient, Question, Reply};
use super::phase::Control;
use crate::log::{Answer, Ask, Event, Op, Shown, Ver};
use crate::wire::Net;

/// A client of one instance.
pub(super) struct Client {
    net: Net,
    http: HttpClient,
    control: Control,
    instance: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: Uuid,
    version_id: u64,
}

#[derive(Deserialize)]
struct Page<'p> {
    total: u64,
    #[serde(borrow)]
    items: Vec<&'p RawValue>,
}

/// What to ask.
pub(super) struct Wish {
    pub(super) op: Op,
    pub(super) key: Option<Uuid>,
    pub(super) min: Option<Ver>,
    pub(super) body: String,
    /// Of a list: so many rows at most.
    pub(super) take: u32,
}

/// More than there ever are.
const WHOLE: u32 = 100;
const PAGE: u32 = 3;

impl Wish {
    pub(super) fn get(key: Uuid, min: Option<Ver>) -> Self {
        Self { op: Op::Get, key: Some(key), min, body: String::new(), take: WHOLE }
    }

    pub(super) fn write(op: Op, key: Option<Uuid>, body: String) -> Self {
        Self { op, key, min: None, body, take: WHOLE }
    }

    pub(super) fn list(company: Option<Uuid>) -> Self {
        Self { op: Op::List(company), key: None, min: None, body: String::new(), take: WHOLE }
    }

    /// The first rows alone: what is not shown changes the total all the same.
    pub(super) fn page(company: Option<Uuid>) -> Self {
        Self { take: PAGE, ..Self::list(company) }
    }

    fn question(&self) -> Question {
        let method = match self.op {
            Op::Get | Op::List(_) => Method::GET,
            Op::Create => Method::POST,
            Op::Patch => Method::PATCH,
            Op::Delete => Method::DELETE,
        };
        let path = match (self.op, self.key) {
            (Op::List(Some(company)), _) => format!("/api/forecasts?take={}&companyId={company}", self.take),
            (Op::List(None), _) => format!("/api/forecasts?take={}", self.take),
            (_, Some(key)) => format!("/api/forecasts/{key}"),
            (_, None) => "/api/forecasts".to_owned(),
        };
        Question { method, path, min: self.min.map(|min| min.to_string()), body: self.body.clone() }
    }
}

impl Client {
    pub(super) fn new(net: Net, control: Control, instance: usize, token: &str) -> Self {
        let http = HttpClient::new(net.clone(), instance, token.to_owned());
        Self { net, http, control, instance }
    }

    /// Asks; `None`: there is no answer.
    pub(super) async fn ask(&mut self, wish: Wish) -> Option<Answer> {
        let request = self.control.next_request();
        let take = matches!(wish.op, Op::List(_)).then_some(wish.take);
        let ask = Ask { request, instance: self.instance, op: wish.op, key: wish.key, min: wish.min, take };
        let cause = self.net.log.record(&self.net.host, None, Event::Asked(ask));
        match self.http.ask(wish.question()).await {
            Ok(reply) => {
                let mut answer = answer(request, &wish, &reply);
                if answer.shown.len() == 1 && self.control.is_forged() {
                    answer.shown[0].digest = answer.shown[0].digest.map(|digest| !digest);
                }
                if wish.min.is_some() && answer.status == 503 {
                    self.net.mark("min_version_refused");
                }
                self.net.log.record(&self.net.host, Some(cause), Event::Answered(answer.clone()));
                Some(answer)
            }
            Err(why) => {
                self.net.log.record(&self.net.host, Some(cause), Event::Unanswered { request, why });
                None
            }
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// What an answer says, as the log keeps it.
fn answer(request: u64, wish: &Wish, reply: &Reply) -> Answer {
    // A request id is `<instance>-<boot>-<number>`.
    let id = header(&reply.headers, "x-request-id").unwrap_or_default();
    let boot = id.rsplit_once('-').map_or("", |(boot, _)| boot).to_owned();
    let is_list = matches!(wish.op, Op::List(_));
    let mut total = None;
    let (shown, whole) = match reply.status {
        200 if is_list => {
            let (shown, all) = page(&reply.body);
            total = all;
            let whole = all.is_some_and(|all| all <= u64::from(wish.take));
            (shown, whole)
        }
        200 | 201 => (entity(&reply.headers, &reply.body), false),
        204 => (deletion(wish.key, &reply.headers), false),
        _ => (Vec::new(), false),
    };
    Answer {
        request,
        status: reply.status,
        boot,
        level: header(&reply.headers, "x-cache-level"),
        stale: reply.headers.contains_key("x-cache-stale"),
        shown,
        whole,
        total,
        age_s: header(&reply.headers, "age").and_then(|text| text.parse().ok()),
    }
}

fn entity(headers: &HeaderMap, body: &[u8]) -> Vec<Shown> {
    let Ok(item) = serde_json::from_slice::<Item>(body) else { return Vec::new() };
    let version = header(headers, "x-version").and_then(|text| text.parse().ok());
    let version = version.unwrap_or(Ver(0, item.version_id));
    vec![Shown { key: item.id, version, digest: Some(xxh3_64(body)) }]
}

fn deletion(key: Option<Uuid>, headers: &HeaderMap) -> Vec<Shown> {
    let version = header(headers, "x-version").and_then(|text| text.parse().ok());
    match (key, version) {
        (Some(key), Some(version)) => vec![Shown { key, version, digest: None }],
        _ => Vec::new(),
    }
}

fn page(body: &[u8]) -> (Vec<Shown>, Option<u64>) {
    let Ok(page) = serde_json::from_slice::<Page<'_>>(body) else { return (Vec::new(), None) };
    let shown = page.items.iter().filter_map(|raw| {
        let item: Item = serde_json::from_str(raw.get()).ok()?;
        let digest = Some(xxh3_64(raw.get().as_bytes()));
        Some(Shown { key: item.id, version: Ver(0, item.version_id), digest })
    });
    (shown.collect(), Some(page.total))
}
