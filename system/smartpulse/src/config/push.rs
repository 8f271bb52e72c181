//! Sections `[push]` and `[fcm]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::notification::push::{BreakerConfig, PushConfig, RemovalGuardConfig};

use super::notifications::Around;
use super::profile::Profile;
use super::reader::Reader;
use super::roles::InstanceRole;

/// How long beyond an attempt its claim must live, so that what came of it can be written down.
const CLAIM_MARGIN: Duration = Duration::from_secs(6);

/// The settings of push messages.
#[derive(Debug, Clone, PartialEq)]
pub struct PushSettings {
    /// Whether there is Web Push.
    pub web_push: bool,
    /// The file with the key that browsers subscribe with.
    pub vapid_key_file: PathBuf,
    /// Whether that file must be there; otherwise the first start makes it.
    pub vapid_key_given: bool,
    /// Who answers for the messages, for push services.
    pub subject: Option<String>,
    /// Origins that are exempt from the address policy: tests and sinks.
    pub allowed_private_origins: Vec<String>,
    /// Ports of endpoints beside 443.
    pub allowed_ports: Vec<u16>,
    /// How messages are sent.
    pub sender: PushConfig,
}

impl PushSettings {
    pub(super) fn read(r: &mut Reader<'_>, data_dir: &Path) -> Self {
        let key_file = r.optional("push.vapid_key_file").map(PathBuf::from);
        Self {
            web_push: r.flag("push.web_push"),
            vapid_key_given: key_file.is_some(),
            vapid_key_file: key_file.unwrap_or_else(|| data_dir.join("vapid.pem")),
            subject: r.optional("push.subject"),
            allowed_private_origins: r.list("push.allowed_private_origins"),
            allowed_ports: r.numbers("push.allowed_ports", 1..=65_535),
            sender: sender(r),
        }
    }

    pub(super) fn check(&self, r: &mut Reader<'_>, around: &Around<'_>) {
        let sender = &self.sender;
        if sender.claim_life < sender.attempt_timeout + CLAIM_MARGIN {
            r.combination(
                "`push.claim_life_s` must be 6 s more than `push.attempt_timeout_ms`: no attempt begins that its claim \
                 would not outlive",
            );
        }
        if usize::try_from(sender.breaker.failures).is_ok_and(|failures| failures <= sender.retries.len() + 1) {
            r.combination(
                "`push.breaker_failures` must be more than the attempts of one message (`push.retry_ms`, and one more): \
                 a single device would open it",
            );
        }
        if around.profile != Profile::Production {
            return;
        }
        if !self.allowed_private_origins.is_empty() {
            r.combination("`push.allowed_private_origins` is for tests and sinks: production refuses it");
        }
        let has = |role| around.roles.has(role);
        if self.web_push && (has(InstanceRole::NotificationApi) || has(InstanceRole::NotificationWorker)) {
            if !self.vapid_key_given {
                r.combination(
                    "`push.vapid_key_file` must be set in production (`smartpulse vapid-keys` makes one), or \
                     `push.web_push` = false: a generated key would differ on each instance",
                );
            }
            if self.subject.is_none() {
                r.combination("`push.subject` must be set in production: push services write to it, mailto: or https:");
            }
        }
    }
}

fn sender(r: &mut Reader<'_>) -> PushConfig {
    PushConfig {
        attempt_timeout: r.millis("push.attempt_timeout_ms", 10..=60_000),
        retries: r.waits("push.retry_ms"),
        spread: r.fraction("push.retry_spread", 0.0..=1.0),
        wait_here_max: r.millis("push.wait_here_max_ms", 0..=60_000),
        retry_after_max: r.seconds("push.retry_after_max_s", 1..=86_400),
        give_up_after: r.seconds("push.give_up_after_s", 1..=2_419_200),
        concurrency: r.size("push.concurrency", 1..=100_000),
        slow_after: r.millis("push.slow_after_ms", 1..=60_000),
        slow_max: r.size("push.slow_max", 0..=1_000_000),
        per_origin: r.size("push.per_origin", 1..=100_000),
        slow_per_origin: r.size("push.slow_per_origin", 0..=100_000),
        claim_limit: r.int32("push.claim_limit", 1..=10_000),
        held_max: r.size("push.held_max", 1..=1_000_000),
        claim_life: r.seconds("push.claim_life_s", 1..=domain::ports::CLAIM_LIFE_MAX.as_secs()),
        // 28 days: the most that every push service takes.
        ttl: r.seconds("push.ttl_s", 0..=2_419_200),
        icon: r.optional("push.icon"),
        breaker: BreakerConfig {
            failures: r.int32("push.breaker_failures", 1..=1_000_000),
            open_for: r.seconds("push.breaker_open_s", 1..=86_400),
        },
        guard: RemovalGuardConfig {
            run: r.seconds("push.removal_run_s", 1..=86_400),
            share_max: r.fraction("push.removal_share_max", 0.0..=1.0),
            free: r.int32("push.removal_free", 0..=1_000_000),
        },
    }
}

/// The settings of Firebase Cloud Messaging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FcmSettings {
    /// The service account's file; `None`: there is no FCM.
    pub service_account_file: Option<PathBuf>,
    /// Google's API, if it is another's.
    pub base_url: Option<String>,
    /// The token service, if it is not that of the file.
    pub token_uri: Option<String>,
}

impl FcmSettings {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let settings = Self {
            service_account_file: r.optional("fcm.service_account_file").map(PathBuf::from),
            base_url: r.optional("fcm.base_url"),
            token_uri: r.optional("fcm.token_uri"),
        };
        if settings.service_account_file.is_none() {
            for (key, value) in [("fcm.base_url", &settings.base_url), ("fcm.token_uri", &settings.token_uri)] {
                if value.is_some() {
                    r.combination(format!("`{key}` is set, but `fcm.service_account_file` is not"));
                }
            }
        }
        settings
    }
}
