//! What a picture shows, before it is known where.

/// What a mark is about, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// The store committed.
    Commit,
    /// A fault begins or ends.
    Fault,
    /// A cache tells something.
    Notice,
    /// A host starts or stops.
    Life,
    /// The check that failed.
    Violation,
}

/// Something that happens at one host.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) at_ms: u64,
    pub(super) column: usize,
    pub(super) tone: Tone,
    pub(super) text: String,
    /// How often it is told again at once, which is not shown.
    pub(super) repeats: usize,
}

/// What a message is, which decides how its line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// From or to a client.
    Client,
    /// A call of a port.
    Call,
    /// Its answer.
    Answer,
    /// What a subscription yields.
    Push,
    /// The answer that a check refused.
    Violation,
}

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) sent_ms: u64,
    /// `None`: it never arrived.
    pub(super) received_ms: Option<u64>,
    pub(super) line: Line,
    pub(super) text: String,
}

/// A fault, over the hosts that it hits.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    pub(super) columns: Vec<usize>,
    /// Its place in the plan.
    pub(super) id: usize,
}

/// What a host is like for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It does not run.
    Down,
    /// It does not trust its tiers.
    Suspect,
}

/// A host in a state.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    pub(super) column: usize,
    pub(super) state: State,
}

/// All that a picture shows.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    pub(super) title: String,
    /// The verdict, and what the picture leaves out.
    pub(super) notes: Vec<String>,
    pub(super) columns: Vec<String>,
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    pub(super) marks: Vec<Mark>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) bands: Vec<Band>,
    pub(super) stretches: Vec<Stretch>,
    /// Begins of phases.
    pub(super) phases: Vec<(u64, String)>,
    /// What the check says.
    pub(super) violation: Option<String>,
}

impl Scene {
    /// The place of a host, if it is shown.
    pub(super) fn column(&self, host: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == host)
    }

    pub(super) fn shows(&self, at_ms: u64) -> bool {
        (self.from_ms..=self.to_ms).contains(&at_ms)
    }

    /// A mark, unless the last one of its host says the same.
    pub(super) fn mark(&mut self, at_ms: u64, column: usize, tone: Tone, text: String) {
        let last = self.marks.iter_mut().rev().find(|mark| mark.column == column);
        match last {
            Some(last) if last.tone == Tone::Notice && last.text == text => last.repeats += 1,
            _ => self.marks.push(Mark { at_ms, column, tone, text, repeats: 0 }),
        }
    }
}
