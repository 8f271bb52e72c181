//! What a seed decides about the world beside its faults.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smartpulse::config::{Config, Inputs, Override, load};

use super::notify_tuning::NotifyTuning;
use crate::dice::Dice;

/// The secret that tokens are signed with.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What happens while the last rows are written, with all tiers full and all faults over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Late {
    /// Nothing.
    #[default]
    Nothing,
    /// An operator orders resyncs, which take their time: what is told while all versions are compared must not be lost.
    Resyncs,
    /// Nobody hears of the last writes, and the stream cannot be read: all that the tiers hold must be compared.
    Losses,
    /// Wall clocks are set back, when all is written: nothing that is cached may live longer by it.
    ClocksBack,
}

impl Late {
    fn draw(seed: u64, has_notifications: bool) -> Self {
        match Dice::of(seed, "late").below(1_000) {
            0..300 => Self::Resyncs,
            300..600 => Self::Losses,
            // Whoever is to be told later would be by a wall clock.
            600..800 if !has_notifications => Self::ClocksBack,
            _ => Self::Nothing,
        }
    }
}

/// What one seed decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// Settings of the instances, as the command line gives them.
    pub settings: Vec<(String, String)>,
    /// The bus delivers again what is not acknowledged for so long.
    pub redelivery: Duration,
    /// The same for what was given back.
    pub redelivery_delay: Duration,
    /// What the bus hands out without acknowledgement.
    pub unacked_max: usize,
    /// Messages that the repair stream keeps.
    pub stream_messages: usize,
    /// The longest way of a message over the network, in milliseconds.
    pub latency_max_ms: u64,
    /// How many instances there are.
    pub instances: usize,
    /// Whether the feed tells only the last change of a row, as Change Tracking does.
    pub coalesces: bool,
    /// In the storm a call to a backend takes longer so often in a thousand ...
    pub hiccups_permille: u64,
    /// ... by up to so much.
    pub hiccup_max_ms: u64,
    /// The same for the store, of which instances wait longer then.
    pub store_hiccup_max_ms: u64,
    /// Whether an instance is started anew before everything is read.
    pub newcomer: bool,
    /// What happens while the last rows are written.
    #[serde(default)]
    pub late: Late,
    /// How notifications are tuned; `None`: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<NotifyTuning>,
}

impl Tuning {
    /// Drawn from the seed. Lives are short, or they would rarely end within a run.
    pub fn draw(seed: u64) -> Self {
        let dice = Dice::of(seed, "tuning");
        let mut settings = Vec::new();
        let mut set = |key: &str, value: String| settings.push((key.to_owned(), value));
        set("cache.l1_ttl_s", dice.between(1, 20).to_string());
        set("cache.output_ttl_s", dice.between(1, 20).to_string());
        set("cache.negative_ttl_s", dice.between(1, 5).to_string());
        set("shared.ttl_s", dice.between(5, 60).to_string());
        set("store.timeout_ms", dice.between(800, 2_000).to_string());
        set("shared.timeout_ms", dice.between(200, 500).to_string());
        set("cache.soft_timeout_ms", dice.between(50, 200).to_string());
        if dice.permille(300) {
            // A few documents only: evictions.
            set("cache.l1_bytes", "6000".to_owned());
            set("cache.l2_bytes", "12000".to_owned());
        }
        if dice.permille(300) {
            set("cache.floors_max", "16".to_owned());
            set("cache.stamps_max", "16".to_owned());
        }
        if dice.permille(300) {
            // Backlogs are longer than what one read of the feed takes.
            set("tracker.read_max", dice.between(1, 5).to_string());
        }
        if dice.permille(300) {
            // Hardly any base to patch against: whole documents travel.
            set("sync.bases_bytes", "4000".to_owned());
        }
        let hiccups_permille = dice.pick(&[0, 20, 100]).copied().unwrap_or_default();
        // The longest outlast a lease: what a leader of an earlier term sent arrives in a later one.
        let hiccup_max_ms = dice.pick(&[50, 300, 900, 2_500]).copied().unwrap_or_default();
        let slow = Dice::of(seed, "slow store");
        let is_slow = slow.permille(250);
        let store_hiccup_max_ms = if is_slow { slow.between(3_000, 10_000) } else { hiccup_max_ms };
        if is_slow {
            // What a flight brings may be older than the bound: nobody who came late may have boarded it.
            settings.retain(|(key, _)| key != "store.timeout_ms");
            settings.push(("store.timeout_ms".to_owned(), "11000".to_owned()));
            if slow.permille(600) {
                // What was read before everything was compared is stored after it, unless generations forbid that.
                settings.push(("cache.hard_timeout_ms".to_owned(), "7000".to_owned()));
            }
        }
        let stale = Dice::of(seed, "stale");
        if stale.permille(500) {
            // A run is too short for what an hour may bring.
            settings.push(("cache.max_stale_s".to_owned(), stale.between(1, 6).to_string()));
        }
        let notify = NotifyTuning::draw(seed);
        let (late, of_late) = (Late::draw(seed, notify.is_some()), Dice::of(seed, "late tuning"));
        if late == Late::ClocksBack {
            settings.retain(|(key, _)| key != "cache.output_ttl_s");
            settings.push(("cache.output_ttl_s".to_owned(), of_late.between(1, 3).to_string()));
        }
        if late == Late::Losses && of_late.permille(500) {
            // Three views and ten documents find room: some views stand in L1 alone.
            const ROOM: [(&str, &str); 3] =
                [("cache.l1_bytes", "7000"), ("cache.l2_bytes", "7000"), ("cache.l1_ttl_s", "20")];
            settings.retain(|(key, _)| ROOM.iter().all(|(name, _)| name != key));
            settings.extend(ROOM.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Self {
            settings,
            redelivery: dice.millis(2_000, 10_000),
            redelivery_delay: dice.millis(100, 1_000),
            unacked_max: if dice.permille(300) { 4 } else { 1_000 },
            stream_messages: if dice.permille(400) { 6 } else { 20_000 },
            latency_max_ms: dice.between(2, 20),
            instances: 3,
            coalesces: dice.permille(400),
            hiccups_permille: if is_slow { slow.between(50, 150) } else { hiccups_permille },
            hiccup_max_ms,
            store_hiccup_max_ms,
            newcomer: Dice::of(seed, "newcomer").permille(400),
            late,
            notify,
        }
    }

    /// Whether mails of which nobody knows whether they were taken are sent again.
    pub(super) fn resends(&self) -> bool {
        self.notify.as_ref().is_some_and(|notify| notify.resend)
    }

    /// The configuration of the instances.
    ///
    /// # Errors
    /// A setting is refused: a defect of the harness.
    pub fn config(&self) -> Result<Config, String> {
        const FIXED: [(&str, &str); 9] = [
            ("auth.secret", SECRET),
            ("sample.load", "false"),
            ("store.kind", "memory"),
            ("bus.kind", "memory"),
            ("shared.kind", "memory"),
            ("limits.rate_per_s", "0"),
            ("log.requests", "false"),
            ("http.date_header", "false"),
            ("cache.maintenance", "each_operation"),
        ];
        const ROLES: &str = "forecast-api,tracker,sync,relay,monitor";
        const NOTIFY_ROLES: &str = "notification-api,notification-worker,mail-send";
        let notify = self.notify.iter().map(|_| NOTIFY_ROLES);
        let roles = [ROLES].into_iter().chain(notify).collect::<Vec<_>>().join(",");
        let fixed = FIXED.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let fixed = fixed.chain([("roles".to_owned(), roles)]);
        let flags = fixed.chain(self.settings.iter().cloned());
        let flags = flags.map(|(key, value)| Override { flag: "seed".to_owned(), key, value }).collect();
        let loaded = load(&Inputs { flags, ..Inputs::default() });
        let mut config = loaded.map(|loaded| loaded.config).map_err(|errors| format!("{errors:?}"))?;
        if let Some(notify) = &self.notify {
            notify.apply(&mut config);
        }
        Ok(config)
    }
}
