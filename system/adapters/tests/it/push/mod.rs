//! Web Push and FCM: against vectors, services of our own, and parts that others wrote.

mod addresses;
mod fcm;
mod fcm_errors;
mod fcm_tokens;
mod http2;
mod parts;
mod support;
mod vectors;
mod webpush;
mod webpush_faults;
mod webpush_statuses;
