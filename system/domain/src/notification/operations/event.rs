//! A completed forecast: all who want to know are told.

use coherence::mutant;

use super::NotificationOperations;
use super::send::{MailAbout, mail_for};
use crate::event::ForecastCompleted;
use crate::model::{EventId, Status, UserId};
use crate::notification::error::NotificationError;
use crate::notification::model::{
    Body, Channel, ChannelSet, DeviceFilter, Directory, NotificationId, NotificationType, Title, event_of_body,
};
use crate::ports::{Acceptance, ForUser, MailFor, Recipient};

/// How many recipients one transaction holds. An event with more of them takes several: what stands is not written again.
pub const RECIPIENTS_PER_TRANSACTION: u32 = 200;

const COMPLETED_TITLE: &str = "Forecast Completed";
const FAILED_TITLE: &str = "Forecast Failed";

/// How many users an event was told to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Users who are told now.
    pub new: u32,
    /// Users who were told before: the event came again.
    pub before: u32,
}

impl NotificationOperations {
    /// Tells all who want to know of a completed forecast: those with preferences for its company and unit; if there are
    /// none, the user who completed it, over all channels. `body` is the event as it came: it names one without an id.
    ///
    /// # Errors
    /// [`NotificationError`]; some of them may have been told. The same event can be told again: it adds what is missing.
    pub async fn completed(&self, event: &ForecastCompleted, body: &[u8]) -> Result<Told, NotificationError> {
        let named = event.event_id.unwrap_or_else(|| event_of_body(body));
        let event_id = if mutant!(NotifyKeyForgotten) { self.shared.ports.ids.event_id() } else { named };
        let (mut told, mut after, mut has_any) = (Told::default(), None, false);
        loop {
            let page = self.recipients(event, after).await?;
            has_any |= !page.is_empty();
            after = page.last().map(|last| last.user_id);
            let is_last = page.len() < usize::try_from(RECIPIENTS_PER_TRANSACTION).unwrap_or(usize::MAX);
            self.tell(event, event_id, &page, &mut told).await?;
            if is_last {
                break;
            }
        }
        if let (false, Some(user_id)) = (has_any, event.user_id) {
            let only = [Recipient { user_id, channels: ChannelSet::ALL }];
            self.tell(event, event_id, &only, &mut told).await?;
        }
        Ok(told)
    }

    async fn recipients(
        &self,
        event: &ForecastCompleted,
        after: Option<UserId>,
    ) -> Result<Vec<Recipient>, NotificationError> {
        // Another program's event names no company.
        let Some(company) = event.company_id else { return Ok(Vec::new()) };
        let store = &self.shared.ports.store;
        Ok(store.recipients(company, event.unit_id, after, RECIPIENTS_PER_TRANSACTION).await?)
    }

    async fn tell(
        &self,
        event: &ForecastCompleted,
        event_id: EventId,
        recipients: &[Recipient],
        told: &mut Told,
    ) -> Result<(), NotificationError> {
        let wanting: Vec<_> = recipients.iter().filter(|one| !one.channels.is_empty()).copied().collect();
        if wanting.is_empty() {
            return Ok(());
        }
        let ids: Vec<UserId> = wanting.iter().map(|one| one.user_id).collect();
        let directory = self.shared.ports.store.directory(&ids, event.unit_id).await?;
        let text = text(event, &directory)?;
        let users = wanting.into_iter().map(|one| self.for_user(event, &text, one, &directory)).collect();
        for accepted in self
            .accept(Acceptance { event_id, users, attachments: Vec::new(), idempotency: None }, event.completed_at)
            .await?
        {
            *(if accepted.is_new { &mut told.new } else { &mut told.before }) += 1;
        }
        Ok(())
    }

    fn for_user(
        &self,
        event: &ForecastCompleted,
        (title, body): &(Title, Body),
        recipient: Recipient,
        directory: &Directory,
    ) -> ForUser {
        let Recipient { user_id, channels } = recipient;
        let link = format!("{}/forecasts/{}", self.config.public_base_url, event.forecast_id);
        let about = MailAbout { title, message: body.as_str(), template: &self.config.completed_template, link };
        ForUser {
            user_id,
            id: NotificationId(self.shared.ports.ids.uuid()),
            title: title.clone(),
            body: body.clone(),
            kind: NotificationType::ForecastCompleted,
            channels,
            devices: DeviceFilter::Both,
            mail: match channels.contains(Channel::Email) {
                true => mail_for(user_id, directory, about),
                false => MailFor::None,
            },
        }
    }
}

/// What users are told (specification 2.2): "Your forecast for Unit A is ready".
fn text(event: &ForecastCompleted, directory: &Directory) -> Result<(Title, Body), NotificationError> {
    let of = directory.unit.as_ref().map_or_else(String::new, |unit| format!(" for {unit}"));
    let (title, body) = match event.status {
        Status::Failed => (FAILED_TITLE, format!("Your forecast{of} could not be made")),
        Status::Completed | Status::Pending => (COMPLETED_TITLE, format!("Your forecast{of} is ready")),
    };
    let (title, body) = (Title::new(title), Body::new(body));
    match (title, body) {
        (Ok(title), Ok(body)) => Ok((title, body)),
        // Both are shorter than their bounds, whatever the unit is called.
        (Err(why), _) | (_, Err(why)) => Err(NotificationError::Internal(why)),
    }
}
