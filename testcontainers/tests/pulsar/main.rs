//! Pulsar: the bus's conformance, what is the adapter's own, and what others see on the wire.

// A case fails by panicking; without the standard harness clippy takes it for a program.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[cfg(feature = "production")]
mod conformance;
#[cfg(feature = "production")]
mod own;
#[cfg(feature = "production")]
mod support;
#[cfg(feature = "production")]
mod wire;

use std::process::ExitCode;

#[cfg(feature = "production")]
fn main() -> ExitCode {
    let broker = containers::pulsar::Broker::server();
    containers::Suite::new()
        .case("the_bus_conforms", &broker, conformance::the_bus_conforms)
        .case("retention_is_raised_and_never_lowered", &broker, own::retention_is_raised_and_never_lowered)
        .case("a_poison_message_goes_to_the_dead_letters", &broker, own::a_poison_message_goes_to_the_dead_letters)
        .case(
            "a_slow_consumer_leaves_messages_at_the_broker",
            &broker,
            own::a_slow_consumer_leaves_messages_at_the_broker,
        )
        .case("another_bus_waits_for_an_exclusive_subscription", &broker, own::another_bus_waits)
        .case("a_passing_subscription_waits_for_nobody", &broker, own::a_passing_subscription_waits_for_nobody)
        .case("a_topic_with_partitions_is_refused", &broker, own::a_topic_with_partitions_is_refused)
        .case("without_a_broker_calls_fail_and_may_be_repeated", &broker, own::without_a_broker)
        .case("what_is_too_long_is_refused", &broker, own::what_is_too_long_is_refused)
        .case("latency", &broker, own::latency)
        .fallible("others_read_what_we_publish", &broker, wire::others_read_what_we_publish)
        .fallible("we_read_what_others_publish", &broker, wire::we_read_what_others_publish)
        .fallible("batches_of_others_are_acknowledged_whole", &broker, wire::batches_of_others_are_acknowledged_whole)
        .run()
}

#[cfg(not(feature = "production"))]
fn main() -> ExitCode {
    containers::without_production("pulsar")
}
