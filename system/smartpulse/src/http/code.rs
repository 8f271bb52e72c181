//! Every error code of the HTTP interface, in one closed list.

use http::StatusCode;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong, as the `code` member of an answer. The list is closed: a client may match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// All codes, in the order of their documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The text on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)+ }
            }

            /// The status that goes with it.
            pub const fn status(self) -> StatusCode {
                match self { $(Code::$variant => StatusCode::$status,)+ }
            }

            /// A short sentence, the same for every occurrence (members `title` and `error`).
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)+ }
            }

            /// The documentation of the code, for the API description.
            pub const fn describe(self) -> &'static str {
                match self { $(Code::$variant => concat!($($doc, " "),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON at all, or has something behind the JSON.
    InvalidJson = "INVALID_JSON", BAD_REQUEST, "The body is not valid JSON";
    /// A field, a path part, a query parameter or a header has a value that is not allowed; `details` names each.
    ValidationFailed = "VALIDATION_FAILED", BAD_REQUEST, "The request has invalid values";
    /// No token, or one that is expired, malformed, of another issuer or audience, or signed with another key.
    Unauthorized = "UNAUTHORIZED", UNAUTHORIZED, "Invalid or missing token";
    /// The token is good, but does not allow this: a role or a company is missing.
    Forbidden = "FORBIDDEN", FORBIDDEN, "The token does not allow this";
    /// No forecast of that id that the caller may see.
    ForecastNotFound = "FORECAST_NOT_FOUND", NOT_FOUND, "Forecast not found";
    /// No notification of that id that the caller may see.
    NotificationNotFound = "NOTIFICATION_NOT_FOUND", NOT_FOUND, "Notification not found";
    /// No device of that id that is the caller's.
    DeviceNotFound = "DEVICE_NOT_FOUND", NOT_FOUND, "Device not found";
    /// No delivery of that id that can be sent again.
    DeliveryNotFound = "DELIVERY_NOT_FOUND", NOT_FOUND, "Delivery not found";
    /// The address is written to: nobody suppressed it.
    SuppressionNotFound = "SUPPRESSION_NOT_FOUND", NOT_FOUND, "The address is not suppressed";
    /// The service has no key for Web Push.
    PushNotConfigured = "PUSH_NOT_CONFIGURED", NOT_FOUND, "Web Push is not configured";
    /// No parked event of that id.
    ParkedNotFound = "PARKED_NOT_FOUND", NOT_FOUND, "No such parked event";
    /// No such route.
    RouteNotFound = "ROUTE_NOT_FOUND", NOT_FOUND, "No such route";
    /// The route exists, but not with this method; `Allow` names those it has.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The body did not arrive in time.
    RequestTimeout = "REQUEST_TIMEOUT", REQUEST_TIMEOUT, "The body did not arrive in time";
    /// A forecast with the same company, unit, date and provider exists; `Location` names it.
    ForecastExists = "FORECAST_EXISTS", CONFLICT, "A forecast with this natural key exists";
    /// The device is another user's, and the request does not show that it knows its keys.
    DeviceTaken = "DEVICE_TAKEN", CONFLICT, "The device belongs to another user";
    /// The user has as many devices as one may have; remove one first.
    TooManyDevices = "TOO_MANY_DEVICES", CONFLICT, "The user has too many devices";
    /// Others kept changing the same forecast while this change was tried; try again.
    Conflict = "CONFLICT", CONFLICT, "The forecast was changed by others at the same time";
    /// The first request with this `Idempotency-Key` is still running; try again.
    IdempotencyInProgress = "IDEMPOTENCY_IN_PROGRESS", CONFLICT, "The first request with this key is still running";
    /// `If-Match` does not name the current version.
    PreconditionFailed = "PRECONDITION_FAILED", PRECONDITION_FAILED, "The forecast has another version";
    /// The body is longer than the limit of this route.
    BodyTooLarge = "BODY_TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is not sent as `application/json`, or is encoded.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE, "The body must be application/json";
    /// This `Idempotency-Key` was used with another body.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", UNPROCESSABLE_ENTITY, "The key was used with another body";
    /// More requests than this subject may send; `Retry-After` says when to come back.
    RateLimited = "RATE_LIMITED", TOO_MANY_REQUESTS, "Too many requests";
    /// A defect of the service; its log has the cause under the request id.
    Internal = "INTERNAL", INTERNAL_SERVER_ERROR, "Internal error";
    /// More requests at the same time than this instance takes; `Retry-After` says when to come back.
    Overloaded = "OVERLOADED", SERVICE_UNAVAILABLE, "The instance is at its limit";
    /// What the answer needs is out of reach for now.
    Unavailable = "UNAVAILABLE", SERVICE_UNAVAILABLE, "The service cannot answer now";
    /// The version asked for with `X-Min-Version` is not visible yet.
    VersionNotReached = "VERSION_NOT_REACHED", SERVICE_UNAVAILABLE, "The version is not visible yet";
    /// The answer took longer than the limit of a request.
    Timeout = "TIMEOUT", GATEWAY_TIMEOUT, "The answer took too long";
}

impl Code {
    /// Whether the same request may succeed later without a change.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Code::RequestTimeout
                | Code::Conflict
                | Code::IdempotencyInProgress
                | Code::RateLimited
                | Code::Overloaded
                | Code::Unavailable
                | Code::VersionNotReached
                | Code::Timeout
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_texts_of_the_specification_are_kept() {
        assert_eq!(Code::ForecastNotFound.as_str(), "FORECAST_NOT_FOUND");
        assert_eq!(Code::ForecastNotFound.title(), "Forecast not found");
        assert_eq!(Code::Unauthorized.as_str(), "UNAUTHORIZED");
        assert_eq!(Code::Unauthorized.title(), "Invalid or missing token");
    }

    #[test]
    fn each_code_is_unique_documented_and_an_error() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(code.describe().ends_with('.') || code.describe().ends_with("each."), "{code:?}");
        }
    }

    #[test]
    fn what_is_overloaded_can_be_retried_and_what_is_wrong_cannot() {
        for code in Code::ALL {
            let status = code.status().as_u16();
            if matches!(status, 408 | 429 | 503 | 504) {
                assert!(code.is_retryable(), "{code:?}");
            }
            if matches!(status, 400 | 401 | 403 | 404 | 405 | 412 | 413 | 415 | 422) {
                assert!(!code.is_retryable(), "{code:?}");
            }
        }
    }
}
