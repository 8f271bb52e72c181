//! Push services of our own, for tests and benches (feature `testing`): strict where the real ones are, and faulty on
//! demand. They listen on 127.0.0.1 and speak HTTP/1.1 by hand, because what tests need most is what no HTTP library lets
//! a server do: half an answer, none, one without end.

mod google;
mod http;
mod push_service;
mod receiver;

pub use google::{FakeGoogle, SentByFcm};
pub use http::{FakeServer, Reply, Request};
pub use push_service::{Delivered, FakePushService};
pub use receiver::{Receiver, Refused};
