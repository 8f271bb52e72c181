//! What can happen to a cluster beside the end of one of its parts.

use coherence::backplane::Published;
use coherence::{Backplane, Fence, FencingToken, Head, WallClock};
use domain::ports::{Acquired, FeedPosition, LeaseName, Leases};
use domain::tracker::TrackerStatus;

use super::cluster::{Cluster, Part, ms};

impl Cluster {
    /// Starts the tracker of a node anew, as a process does that is started again.
    pub(super) fn start_tracker(&mut self, number: usize) {
        let node = &self.nodes[number];
        let tracker = self.new_tracker(&node.backplane, &node.wake);
        let node = &mut self.nodes[number];
        node.tracker = tracker.status();
        node.start(Part::Tracker, |stop| Box::pin(tracker.run(stop)));
    }

    /// Announces that all is read, which is not so.
    pub(super) async fn lie(&self, tracker: &TrackerStatus) {
        let head = self.backplane.head(&self.section).await.unwrap().unwrap();
        let fence = Fence { incarnation: tracker.incarnation, token: FencingToken(1_000) };
        let head = Head { read_at: self.clock.now(), ..head };
        assert_eq!(self.backplane.announce(&self.section, fence, head).await.unwrap(), Published::Done);
    }

    /// Moves the tracker's cursor on, as if the changes up to there had been published, and the topic had lost them.
    pub(super) async fn lose_up_to(&self, position: FeedPosition) {
        let holder = self.ids.uuid();
        let Acquired::Held(lease) = self.store.acquire(LeaseName::Tracker, holder, ms(1)).await.unwrap() else {
            panic!("no tracker runs");
        };
        assert!(self.store.move_cursor(LeaseName::Tracker, lease.token, position).await.unwrap());
        self.store.release(LeaseName::Tracker, lease.token).await.unwrap();
    }
}
