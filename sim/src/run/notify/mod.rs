//! Notifications: who is there (`fixture`), who publishes events (`publisher`), who calls the use cases of each instance
//! (`callers`), and how the run sees to it that all comes to an end (`course`).

mod callers;
mod course;
mod fixture;
mod publisher;

pub(super) use callers::guest;
pub(super) use course::Course;
pub(super) use publisher::with_publisher;
