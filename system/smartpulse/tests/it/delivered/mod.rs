//! From a completed forecast to people, over all that a running system has: SQLite, its bus, a strict push service, mails
//! as files. Each is told once, whoever does it and whoever is killed.

mod killed;
mod outbox;
mod starts;
mod together;
