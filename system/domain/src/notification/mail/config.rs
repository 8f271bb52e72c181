//! What can be set about mails.

use std::time::Duration;

/// What can be set about the batch worker. The defaults are the specification's.
#[derive(Debug, Clone, PartialEq)]
pub struct MailBatchConfig {
    /// How many mails a batch has at most.
    pub size: u32,
    /// How long a batch that is not full is waited for.
    pub window: Duration,
    /// The waits before each further try to write a batch.
    pub retries: Vec<Duration>,
    /// Waits differ by up to this share.
    pub spread: f64,
    /// How long a claim lives.
    pub claim_life: Duration,
}

impl Default for MailBatchConfig {
    fn default() -> Self {
        Self {
            size: 100,
            window: Duration::from_millis(100),
            retries: [100, 200, 400, 800].map(Duration::from_millis).to_vec(),
            spread: 0.2,
            claim_life: Duration::from_secs(60),
        }
    }
}

/// What can be set about the mail sender.
#[derive(Debug, Clone, PartialEq)]
pub struct MailSenderConfig {
    /// How many connections it has at most.
    pub connections: usize,
    /// How many mails it claims at a time: they go over one connection.
    pub claim_limit: u32,
    /// How many mails are marked as `sending` at a time.
    pub chunk: usize,
    /// How long a claim lives: longer than `send_timeout`, or no mail could be begun in it.
    pub claim_life: Duration,
    /// How long a connection may take to come, whatever the transport's own deadlines.
    pub connect_timeout: Duration,
    /// How long one mail may take: longer than the transport's own deadlines together, which tell a mail that was not
    /// taken from one of which nobody knows. This one cannot: what it ends is unknown.
    pub send_timeout: Duration,
    /// A connection without work is kept for so long.
    pub idle: Duration,
    /// A connection is used for so many mails.
    pub mails_per_connection: u32,
    /// The first waits of a mail that was not taken.
    pub retries: Vec<Duration>,
    /// Then: the first wait, which doubles.
    pub later: Duration,
    /// Up to this.
    pub later_max: Duration,
    /// Waits differ by up to this share.
    pub spread: f64,
    /// A mail that is so old is given up.
    pub give_up_after: Duration,
    /// How long mails under way may take when the sender stops.
    pub drain: Duration,
    /// Before the token, the URL that ends mails to an address with one click; https. `None`: mails name none.
    pub unsubscribe_url: Option<String>,
}

impl Default for MailSenderConfig {
    fn default() -> Self {
        Self {
            connections: 4,
            claim_limit: 64,
            chunk: 16,
            claim_life: Duration::from_secs(900),
            connect_timeout: Duration::from_secs(120),
            send_timeout: Duration::from_secs(720),
            idle: Duration::from_secs(5),
            mails_per_connection: 1_000,
            retries: [100, 200, 400, 800].map(Duration::from_millis).to_vec(),
            later: Duration::from_secs(60),
            later_max: Duration::from_secs(30 * 60),
            spread: 0.2,
            give_up_after: Duration::from_secs(24 * 60 * 60),
            drain: Duration::from_secs(10),
            unsubscribe_url: None,
        }
    }
}
