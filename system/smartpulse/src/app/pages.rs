//! The pages for people, and the API description.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Info, OpenApi};

use crate::http::Code;

const DOCS: &str = include_str!("docs.html");
const LANDING: &str = include_str!("landing.html");

/// Nothing from elsewhere is loaded or spoken to.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                                       connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Completes what the routes say of themselves: title, token, the list of codes.
pub fn openapi(mut api: OpenApi) -> OpenApi {
    let codes: Vec<String> = Code::ALL
        .iter()
        .map(|code| format!("| `{}` | {} | {} |", code.as_str(), code.status().as_u16(), code.describe()))
        .collect();
    let mut info = Info::new("SmartPulse ProductionForecast", env!("CARGO_PKG_VERSION"));
    info.description = Some(format!(
        "Energy forecasts, read through a four-tier cache.\n\nErrors are `application/problem+json` (RFC 9457) with the \
         members `error` and `code`:\n\n| Code | Status | Meaning |\n| --- | --- | --- |\n{}",
        codes.join("\n")
    ));
    api.info = info;
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    api
}

/// `GET /`.
pub(super) fn landing() -> Response {
    page(LANDING)
}

/// `GET /docs`: shows `/openapi.json`.
pub(super) fn docs() -> Response {
    page(DOCS)
}

fn page(html: &'static str) -> Response {
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
