//! From a completed forecast to people, over all that a running system has: SQLite, its bus, a strict push service, a
//! fake Google, mails as files or to servers that are not ours. Each is told once, whoever does it and whoever is killed.

mod apart;
mod killed;
mod links;
mod outbox;
// The parts that others wrote are found and run as the tests of the adapters do it.
#[path = "../../../../adapters/tests/it/mail/parts/programs.rs"]
mod programs;
mod served;
mod sources;
mod starts;
mod together;
mod whole;
