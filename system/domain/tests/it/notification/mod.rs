//! The notification service over the memory adapters, with push services and a mail server that do as they are told.

mod alerts;
mod consumer;
mod crash;
mod fakes;
mod input;
mod live;
mod logs;
mod mail;
mod masses;
mod operations;
mod push;
mod retries;
mod wire;
mod world;
