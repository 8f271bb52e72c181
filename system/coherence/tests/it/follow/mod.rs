//! Several instances over one stream. Under paused time; each test says what it fails without.

mod attack;
mod attack_model;
mod gaps;
mod generations;
mod group;
mod lease;
mod limits;
mod lists;
mod model;
mod patches;
mod reconnect;
mod writer;
