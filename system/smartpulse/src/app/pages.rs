//! The pages for people, and the API description.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Info, OpenApi, RefOr};

use crate::http::Code;
use crate::http::problem::CONTENT_TYPE;

const DOCS: &str = include_str!("docs.html");
const LANDING: &str = include_str!("landing.html");
const LANDING_NOTIFICATIONS: &str = include_str!("landing_notifications.html");
const FORECAST: &str = include_str!("forecast.html");
const INBOX: &str = include_str!("inbox.html");

/// Nothing from elsewhere is loaded or spoken to.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                                       connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The description of the forecast API.
pub fn openapi(api: OpenApi) -> OpenApi {
    completed(api, "SmartPulse ProductionForecast", "Energy forecasts, read through a four-tier cache.")
}

/// The description of the notification API.
pub fn notification_openapi(api: OpenApi) -> OpenApi {
    let about =
        "Notifications in the app, as push messages and as mails: three channels, none of which waits for another.";
    completed(api, "SmartPulse NotificationService", about)
}

/// Completes what the routes say of themselves: title, token, the list of codes, what any of them may answer.
fn completed(mut api: OpenApi, title: &str, about: &str) -> OpenApi {
    let codes: Vec<String> = Code::ALL
        .iter()
        .map(|code| format!("| `{}` | {} | {} |", code.as_str(), code.status().as_u16(), code.describe()))
        .collect();
    let mut info = Info::new(title, env!("CARGO_PKG_VERSION"));
    info.description = Some(format!(
        "{about}\n\nErrors are `application/problem+json` (RFC 9457) with the \
         members `error` and `code`:\n\n| Code | Status | Meaning |\n| --- | --- | --- |\n{}",
        codes.join("\n")
    ));
    api.info = info;
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for item in api.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(complete);
    }
    api
}

/// Adds the errors that any route may answer, and gives all errors their media type.
fn complete(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let status_of = |code: Code| code.status().as_str().to_owned();
    if let Some(RefOr::T(like)) = responses.get(&status_of(Code::Unavailable)).cloned() {
        for code in [Code::Internal, Code::Timeout] {
            let mut response = like.clone();
            response.description = code.as_str().to_owned();
            responses.entry(status_of(code)).or_insert(RefOr::T(response));
        }
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response.content.insert(CONTENT_TYPE.to_owned(), content);
        }
    }
}

/// `GET /`.
pub(super) fn landing() -> Response {
    page(LANDING)
}

/// `GET /` of the notification API.
pub(super) fn notification_landing() -> Response {
    page(LANDING_NOTIFICATIONS)
}

/// `GET /docs`: shows `/openapi.json`.
pub(super) fn docs() -> Response {
    page(DOCS)
}

/// `GET /forecasts/{id}`: where mails about a forecast lead to. The page holds nothing; it asks for a token, and with it the
/// API.
pub(super) fn forecast() -> Response {
    page(FORECAST)
}

/// `GET /notifications`: where other mails lead to, likewise.
pub(super) fn inbox() -> Response {
    page(INBOX)
}

fn page(html: &'static str) -> Response {
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
