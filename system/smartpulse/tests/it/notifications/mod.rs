//! The API of the notification service, through its router and its real use cases, over the memory store. No sockets.
//!
//! [`support`] builds instances that share a store and a bus, [`channels`] are a push service and a mail server that do as
//! they are told. Every answer is held against the API description. The other files are one theme each.

mod attachments;
mod bad_input;
mod channels;
mod deliveries;
mod devices;
mod fuzz;
mod idempotency;
mod inbox;
mod limits;
mod openapi;
mod preferences;
mod push;
mod send;
mod streams;
mod support;
mod suppressions;
mod unsubscribe;
