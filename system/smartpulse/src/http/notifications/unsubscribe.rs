//! `GET|POST /unsubscribe/{token}`: the link of `List-Unsubscribe`, with one click (RFC 8058).
//!
//! Only `POST` does it: mail scanners follow links, and must not end what their users want. Whoever knows the token may;
//! there is no other proof, and known and unknown tokens are answered alike.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use super::api::NotificationApi;
use crate::http::code::Code;
use crate::http::extract::{BodyLimit, read_body};
use crate::http::params::path_text;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::source::Source;

const PAGE: &str = include_str!("unsubscribe.html");
const DONE: &str = include_str!("unsubscribed.html");
/// What a mail program sends is a few bytes, and around them what `multipart/form-data` needs.
const BODY_BYTES_MAX: usize = 4_096;
const NAME: &str = "List-Unsubscribe";
const VALUE: &str = "One-Click";

/// Nothing is loaded; the one button speaks to where the page came from.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// The page behind the link in a mail
///
/// Has a button that ends the mails. Showing the page ends nothing.
#[utoipa::path(
    get,
    path = "/unsubscribe/{token}",
    tag = "mail",
    params(("token" = String, Path, description = "The token of the link in a mail")),
    responses(
        (status = 200, content_type = "text/html; charset=utf-8", body = String),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: the token is no text"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED"),
    ),
)]
pub(super) async fn unsubscribe_page(token: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    path_text("token", token)?;
    Ok(page(PAGE))
}

/// Ends mails to an address, with one click
///
/// As mail programs send it (RFC 8058): the form field `List-Unsubscribe` with the value `One-Click`, urlencoded or as
/// `multipart/form-data`. No mail goes to the address that the token was made for any more. Repeating it changes nothing; a
/// token that is not known is answered alike.
#[utoipa::path(
    post,
    path = "/unsubscribe/{token}",
    tag = "mail",
    params(("token" = String, Path, description = "The token of the link in a mail")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, content_type = "text/html; charset=utf-8", body = String),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: not what a mail program sends"),
        (status = 408, body = ProblemDocument, description = "REQUEST_TIMEOUT"),
        (status = 413, body = ProblemDocument, description = "BODY_TOO_LARGE"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED: too many from one address"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
)]
pub(super) async fn unsubscribe(
    State(NotificationApi(api)): State<NotificationApi>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    api.unsubscriber(request.extensions().get::<Source>())?;
    let token = path_text("token", token)?;
    let body = read_body(request, BodyLimit { bytes: BODY_BYTES_MAX, timeout: api.body.timeout }).await?;
    if !is_one_click(&body) {
        return Err(Problem::invalid_field(NAME, format!("must be {VALUE}")));
    }
    let registry = api.registry.clone();
    let ended = async move { registry.unsubscribe(&token).await };
    // There is always an answer: nobody is told whether the token is known.
    if api.change(Code::RouteNotFound, ended).await? {
        tracing::info!("an address wants no more mails");
    }
    Ok(page(DONE))
}

/// Whether a form says so, in either of the two forms of forms.
fn is_one_click(body: &Bytes) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    if text.trim_end().split('&').any(|pair| pair.split_once('=') == Some((NAME, VALUE))) {
        return true;
    }
    // A part: its headers, an empty line, its value.
    let names = [format!("name=\"{NAME}\""), format!("name={NAME}")];
    let mut parts = text.split("\r\n--").filter_map(|part| part.split_once("\r\n\r\n"));
    parts.any(|(head, value)| value == VALUE && names.iter().any(|name| head.contains(name.as_str())))
}

fn page(html: &'static str) -> Response {
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The address of the page is a secret.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mail_programs_send_is_understood_and_nothing_else() {
        let multipart = |name: &str, value: &str| {
            format!("--b1\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n--b1--\r\n")
        };
        for good in [
            "List-Unsubscribe=One-Click",
            "List-Unsubscribe=One-Click\r\n",
            "a=b&List-Unsubscribe=One-Click",
            &multipart("\"List-Unsubscribe\"", "One-Click"),
            &multipart("List-Unsubscribe", "One-Click"),
        ] {
            assert!(is_one_click(&Bytes::from(good.to_owned())), "{good:?}");
        }
        for bad in [
            "",
            "List-Unsubscribe",
            "List-Unsubscribe=",
            "List-Unsubscribe=One-Click2",
            "XList-Unsubscribe=One-Click",
            &multipart("\"other\"", "One-Click"),
            &multipart("\"List-Unsubscribe\"", "Two-Clicks"),
        ] {
            assert!(!is_one_click(&Bytes::from(bad.to_owned())), "{bad:?}");
        }
        assert!(!is_one_click(&Bytes::from_static(b"\xff")));
    }
}
