//! What can be set about the operations.

use crate::ports::TemplateId;

/// What can be set about the operations.
#[derive(Debug, Clone)]
pub struct OperationsConfig {
    /// Where people reach the service: begins the links in mails. No slash at its end.
    pub public_base_url: String,
    /// The template of mails about a completed forecast.
    pub completed_template: TemplateId,
    /// The template of other mails.
    pub alert_template: TemplateId,
}

impl OperationsConfig {
    /// With the templates of this release.
    pub fn new(public_base_url: impl Into<String>) -> Self {
        Self {
            public_base_url: public_base_url.into().trim_end_matches('/').to_owned(),
            completed_template: TemplateId("forecast_completed".to_owned()),
            alert_template: TemplateId("alert".to_owned()),
        }
    }
}
