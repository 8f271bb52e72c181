//! A scripted mail server: it answers each stage of a conversation as a test says, and remembers what it took.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use adapters::smtp::testing::{Act, FakeSmtp, Script, Stage};
//!
//! // The first recipient is refused; everything else goes well.
//! let script = Script::new().on(Stage::RcptTo, Act::reply("550 5.1.1 no such user"));
//! let server = FakeSmtp::start(script).await.unwrap();
//! assert!(server.mails().is_empty());
//! # let _ = server.address();
//! # });
//! ```

mod conversation;
mod script;
mod server;

pub use script::{Act, Script, Stage};
pub use server::{FakeSmtp, Received};
