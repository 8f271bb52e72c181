//! Mails: their texts, their bytes, and the ways out. The scripted server is `adapters::smtp::testing`; what takes our
//! mails without being ours is in `parts`.

mod conversations;
mod faults;
mod login;
mod messages;
mod outbox;
mod parts;
mod pipelining;
mod setup;
mod support;
mod templates;
mod tls;
