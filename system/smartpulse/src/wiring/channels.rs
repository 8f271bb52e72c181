//! The channels of the notification service: Web Push, FCM, SMTP or files, templates.

use std::sync::Arc;

use adapters::fcm::{FcmConfig, FcmGateway, ServiceAccount};
use adapters::mime::Sender;
use adapters::outbox_files::{OutboxFiles, OutboxFilesConfig};
use adapters::outgoing::{AddressPolicy, Dns, FairDns, Outgoing, SystemDns, tls_of_platform};
use adapters::smtp::{Password, Smtp, SmtpConfig, SmtpLogin, TlsMode};
use adapters::templates::Templates;
use adapters::webpush::{
    VapidKey, VapidSubject, WebPushConfig, WebPushGateway, load_or_create_vapid_key, load_vapid_key,
};
use coherence::WallClock;
use domain::notification::push::PushGateways;
use domain::ports::{MailTemplates, MailTransport};

use super::channel_error::ChannelError;
use super::error::WiringError;
use crate::app::{Channels, VapidPublic};
use crate::config::{Config, InstanceRole, MailServer, MailTls, PushSettings};

/// Who answers for messages where nobody is named: an address of the domain that is reserved for examples.
const EXAMPLE_SUBJECT: &str = "mailto:smartpulse@example.org";

/// The channels that the configuration names. An instance without any part of the notification service has none, and
/// makes no key and no folder.
pub(super) fn channels(config: &Config, clock: &Arc<dyn WallClock>) -> Result<Channels, WiringError> {
    let templates = templates(config)?;
    if !config.roles.has_notifications() {
        return Ok(Channels::none(templates));
    }
    let policy = policy(&config.push)?;
    let (mut push, mut vapid) = (PushGateways::default(), None);
    let has = |role| config.roles.has(role);
    // Whoever serves registers devices, and judges their endpoints.
    if has(InstanceRole::NotificationApi) || has(InstanceRole::NotificationWorker) {
        // What users have looked up, and whose servers need not answer, holds up none of ours.
        let dns: Arc<dyn Dns> = Arc::new(SystemDns::default());
        if config.push.web_push {
            let gateway = web_push(&config.push, policy.clone(), &dns, clock)?;
            vapid = Some(VapidPublic { key: gateway.key().public_key().into(), id: gateway.key().id().into() });
            push.web_push = Some(Arc::new(gateway));
        }
        push.fcm = fcm(config, &policy, dns, clock)?.map(|gateway| Arc::new(gateway) as _);
    }
    let mail = has(InstanceRole::MailSend).then(|| mail(config, clock)).transpose()?;
    Ok(Channels { push, vapid, mail, templates, sinks: super::sinks::all_are_sinks(config, &policy) })
}

fn policy(push: &PushSettings) -> Result<AddressPolicy, WiringError> {
    let policy = AddressPolicy::default().with_ports(push.allowed_ports.iter().copied());
    Ok(policy.with_private_origins(&push.allowed_private_origins).map_err(ChannelError::PrivateOrigins)?)
}

fn web_push(
    push: &PushSettings,
    policy: AddressPolicy,
    dns: &Arc<dyn Dns>,
    clock: &Arc<dyn WallClock>,
) -> Result<WebPushGateway, WiringError> {
    let subject = VapidSubject::parse(push.subject.as_deref().unwrap_or(EXAMPLE_SUBJECT));
    let subject = subject.map_err(ChannelError::Subject)?;
    let key = key(push)?;
    let tls = tls_of_platform().map_err(ChannelError::Client)?;
    let guarded = Arc::new(FairDns::new(Arc::new(SystemDns::default())));
    let outgoing = Outgoing::with_names(policy, guarded, Arc::clone(dns), tls, Arc::clone(clock));
    let outgoing = outgoing.map_err(ChannelError::Client)?;
    Ok(WebPushGateway::new(WebPushConfig { key, subject }, outgoing, Arc::clone(clock)))
}

/// A key that was named must be there: another one in its place would part us from all browsers.
fn key(push: &PushSettings) -> Result<VapidKey, WiringError> {
    let key = match push.vapid_key_given {
        true => load_vapid_key(&push.vapid_key_file),
        false => load_or_create_vapid_key(&push.vapid_key_file),
    };
    Ok(key.map_err(|error| ChannelError::Key { path: push.vapid_key_file.clone(), error })?)
}

fn fcm(
    config: &Config,
    policy: &AddressPolicy,
    dns: Arc<dyn Dns>,
    clock: &Arc<dyn WallClock>,
) -> Result<Option<FcmGateway>, WiringError> {
    let Some(path) = &config.fcm.service_account_file else { return Ok(None) };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| ChannelError::AccountFile { path: path.clone(), source: Arc::new(error) })?;
    let account = ServiceAccount::parse(&text);
    let account = account.map_err(|error| ChannelError::Account { path: path.clone(), error })?;
    let settings =
        FcmConfig { account, base_url: config.fcm.base_url.clone(), token_uri: config.fcm.token_uri.clone() };
    let tls = tls_of_platform().map_err(ChannelError::Client)?;
    Ok(Some(FcmGateway::new(settings, policy, dns, tls, Arc::clone(clock)).map_err(ChannelError::Fcm)?))
}

fn mail(config: &Config, clock: &Arc<dyn WallClock>) -> Result<Arc<dyn MailTransport>, WiringError> {
    let mail = &config.mail;
    let sender = Sender::new(&mail.from, mail.from_name.as_deref(), None).map_err(ChannelError::Sender)?;
    let Some(server) = &mail.server else {
        let files = OutboxFiles::open(OutboxFilesConfig::new(&mail.outbox), sender, Arc::clone(clock));
        return Ok(Arc::new(files.map_err(ChannelError::Outbox)?));
    };
    let settings = smtp(server, mail.envelope_sender.clone());
    let needed = settings.longest_send();
    if mail.sender.send_timeout <= needed {
        return Err(ChannelError::Impatient { send: mail.sender.send_timeout, needed }.into());
    }
    // The greeting of a slow server must be heard.
    let needed = 2 * settings.connect_timeout + settings.command_timeout;
    if mail.sender.connect_timeout <= needed {
        return Err(ChannelError::ImpatientSession { session: mail.sender.connect_timeout, needed }.into());
    }
    Ok(Arc::new(Smtp::new(settings, sender, Arc::clone(clock)).map_err(ChannelError::Smtp)?))
}

fn smtp(server: &MailServer, envelope_sender: Option<String>) -> SmtpConfig {
    let login = server.login.as_ref().map(|(user, password)| SmtpLogin {
        user: user.clone(),
        password: Password::new(password.expose().clone()),
        allow_plaintext: server.allow_plaintext_login,
    });
    SmtpConfig {
        port: server.port,
        tls: match server.tls {
            MailTls::StartTls => TlsMode::StartTls,
            MailTls::Implicit => TlsMode::Implicit,
            MailTls::None => TlsMode::None,
        },
        extra_ca: server.ca_file.clone(),
        login,
        hello_name: server.hello_name.clone(),
        envelope_sender,
        connect_timeout: server.connect_timeout,
        command_timeout: server.command_timeout,
        data_timeout: server.data_timeout,
        ..SmtpConfig::new(server.host.clone())
    }
}

/// The templates, checked; the one of alerts must be among them.
fn templates(config: &Config) -> Result<Arc<dyn MailTemplates>, WiringError> {
    let templates = match &config.notifications.templates {
        Some(folder) => Templates::with_folder(folder),
        None => Templates::built_in(),
    };
    let templates = templates.map_err(ChannelError::Templates)?;
    let name = &config.alerts.template;
    let is_known = templates.names().any(|known| known == name);
    match is_known {
        true => Ok(Arc::new(templates)),
        false => Err(ChannelError::NoTemplate(name.clone()).into()),
    }
}
