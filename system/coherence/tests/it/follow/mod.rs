//! Several instances over one stream. Under paused time; each test says what it fails without.

mod crowd;
mod edges;
mod flights;
mod gaps;
mod generations;
mod group;
mod histories;
mod lease;
mod limits;
mod lists;
mod model;
mod patches;
mod reconnect;
mod recovery;
mod sick;
mod writer;
