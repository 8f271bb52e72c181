//! What can be set about the operations.

use crate::ports::TemplateId;

/// What can be set about the operations.
#[derive(Debug, Clone)]
pub struct OperationsConfig {
    /// Where people find forecasts, under `/forecasts/<id>`: begins the links in mails about them. No slash at its end.
    pub public_base_url: String,
    /// Where people find their notifications, under `/notifications`: begins the links in other mails.
    pub inbox_base_url: String,
    /// The template of mails about a completed forecast.
    pub completed_template: TemplateId,
    /// The template of other mails.
    pub alert_template: TemplateId,
}

impl OperationsConfig {
    /// With the templates of this release, and all under one address.
    pub fn new(public_base_url: impl Into<String>) -> Self {
        let public_base_url = public_base_url.into().trim_end_matches('/').to_owned();
        Self {
            inbox_base_url: public_base_url.clone(),
            public_base_url,
            completed_template: TemplateId("forecast_completed".to_owned()),
            alert_template: TemplateId("alert".to_owned()),
        }
    }
}
