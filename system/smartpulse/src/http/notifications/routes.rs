//! The table of routes.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::api::NotificationApi;
use crate::http::streams;

/// The routes of NotificationService, each with its description.
pub fn routes() -> OpenApiRouter<NotificationApi> {
    OpenApiRouter::new()
        .routes(routes!(super::list::list_notifications, super::send::send_notification))
        .routes(routes!(super::read::read_notification))
        .routes(routes!(super::read::read_all_notifications))
        .routes(routes!(super::read::unread_count))
        .routes(routes!(super::stream::notification_stream))
        .routes(routes!(streams::stream_ticket))
        .routes(routes!(super::deliveries::notification_deliveries))
        .routes(routes!(super::push::send_push_notification))
        .routes(routes!(super::resend::resend_delivery))
        .routes(routes!(super::resend::resend_since))
        .routes(routes!(super::devices::list_devices, super::devices::register_device))
        .routes(routes!(super::devices::remove_device))
        .routes(routes!(super::vapid::vapid_public_key))
        .routes(routes!(super::preferences::get_preferences, super::preferences::set_preferences))
        .routes(routes!(super::suppressions::list_suppressions))
        .routes(routes!(super::suppressions::remove_suppression))
        .routes(routes!(super::unsubscribe::unsubscribe_page, super::unsubscribe::unsubscribe))
}
