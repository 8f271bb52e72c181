//! What is logged, by level, in the thread of a test.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    static LISTENS: RefCell<Option<Logs>> = const { RefCell::new(None) };
}

#[derive(Clone, Default)]
pub(super) struct Logs(Arc<Mutex<Vec<(Level, String)>>>);

/// Ends the listening of its thread.
pub(super) struct Listening;

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENS.set(None);
    }
}

/// One for all threads: what is enabled where is remembered for each place in the code, and subscribers that come and go in
/// other threads at the same time spoil that.
struct ToThreads;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{}={value:?} ", field.name()));
    }
}

impl Logs {
    /// Listens until the guard is dropped.
    pub(super) fn listen() -> (Self, Listening) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| set_global_default(ToThreads).expect("nobody else sets one here"));
        let logs = Self::default();
        LISTENS.set(Some(logs.clone()));
        (logs, Listening)
    }

    /// The lines of this level that contain `text`.
    pub(super) fn of(&self, level: Level, text: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|(of, line)| *of == level && line.contains(text)).map(|(_, line)| line.clone()).collect()
    }
}

impl Subscriber for ToThreads {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("domain")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(logs) = LISTENS.with_borrow(Clone::clone) else { return };
        let mut text = Text(String::new());
        event.record(&mut text);
        logs.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
