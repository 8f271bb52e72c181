//! Forged histories, one for each clause, that C8 must refuse; and good ones that it accepts.

use uuid::Uuid;

use super::super::c8_notify_once::NotifyOnce;
use super::super::checker::Violation;
use super::super::forge::Forge;
use crate::log::{Acceptance, Event, InboxRow, MAIL, Notified, Outcome, Part, Reply, Work};

const USER: Uuid = Uuid::from_u128(0x11);
const EVENT: Uuid = Uuid::from_u128(0xe1);
const NOTE: Uuid = Uuid::from_u128(0xa1);
const PUSH: Uuid = Uuid::from_u128(0xd1);
const LETTER: Uuid = Uuid::from_u128(0xd2);
const CLAIM: Uuid = Uuid::from_u128(0xc1);
const ADDRESS: &str = "https://one.test/1";

/// What happens, each with its time and host.
type Story = Vec<(u64, &'static str, Notified)>;

fn check(story: Story) -> Result<(), Violation> {
    let tell = |forge: Forge, (at_ms, host, what): (u64, &str, Notified)| forge.event(at_ms, host, Event::Notify(what));
    story.into_iter().fold(Forge::default(), tell).check(NotifyOnce::default())
}

#[track_caller]
fn refused(story: Story, why: &str) {
    let message = check(story).map_err(|violation| violation.message).expect_err(why);
    assert!(message.contains(why), "{message}");
}

fn part(delivery: Uuid, carrier: &str, status: &str, is_final: bool) -> Part {
    Part { delivery, carrier: carrier.to_owned(), status: status.to_owned(), is_final }
}

fn accepted_as(event: Uuid, notification: Uuid, about: u64) -> Notified {
    let parts = vec![part(PUSH, "https://one.test", "pending", false), part(LETTER, MAIL, "pending", false)];
    Notified::Accepted(Acceptance { event, user: USER, notification, about: Some(about), in_app: true, parts })
}

fn accepted() -> Notified {
    accepted_as(EVENT, NOTE, 7)
}

fn tag(of: Uuid) -> String {
    of.as_simple().to_string()
}

fn claimed(until_ms: u64) -> Notified {
    let push = Work { delivery: PUSH, push: Some((ADDRESS.to_owned(), tag(EVENT))), resend: false };
    let mail = Work { delivery: LETTER, push: None, resend: false };
    Notified::Claimed { claim: CLAIM, by: "i0".to_owned(), until_ms, work: vec![push, mail] }
}

fn reported(delivery: Uuid, outcome: Outcome) -> Notified {
    Notified::Reported { claim: CLAIM, delivery, outcome }
}

fn attempted(attempt: u64) -> Notified {
    Notified::PushAttempted { attempt, address: ADDRESS.to_owned(), tag: tag(EVENT), about: Some(7) }
}

fn answered(attempt: u64, reply: Reply) -> Notified {
    Notified::PushAnswered { attempt, reply, wait_ms: None }
}

fn marked() -> Notified {
    Notified::Marked { claim: CLAIM, mails: vec![LETTER] }
}

fn handed(attempt: u64) -> Notified {
    Notified::MailHanded { attempt, mail: LETTER, to: "a@x".to_owned(), about: Some(7) }
}

fn inbox(rows: &[(Uuid, u64)]) -> Notified {
    let row = |(notification, about): &(Uuid, u64)| InboxRow {
        notification: *notification,
        about: Some(*about),
        read: false,
    };
    Notified::Inbox { user: USER, rows: rows.iter().map(row).collect() }
}

fn ended(is_final: bool) -> Notified {
    ended_as(PUSH, "https://one.test", if is_final { "sent" } else { "pending" }, is_final)
}

fn ended_as(delivery: Uuid, carrier: &str, status: &str, is_final: bool) -> Notified {
    Notified::Ended { notification: NOTE, parts: vec![part(delivery, carrier, status, is_final)] }
}

/// An event from its publication to what it shows.
fn good() -> Story {
    vec![
        (0, "clients", Notified::Telling { event: EVENT, users: vec![USER] }),
        (1, "bus", Notified::Told { event: EVENT }),
        (2, "i0", Notified::StreamOpened { user: USER, position: 0 }),
        (3, "store", accepted()),
        (4, "i1", Notified::Acknowledged { event: EVENT }),
        (5, "store", claimed(10_000)),
        (6, "i0", attempted(1)),
        (7, "i0", answered(1, Reply::Later)),
        (100, "i0", attempted(2)),
        (110, "outside", Notified::PushTaken { attempt: 2 }),
        (1_100, "i0", answered(2, Reply::Nothing)),
        (1_300, "i0", attempted(3)),
        (1_310, "outside", Notified::PushTaken { attempt: 3 }),
        (1_320, "i0", answered(3, Reply::Taken)),
        (1_330, "store", reported(PUSH, Outcome::Sent)),
        (1_400, "store", marked()),
        (1_410, "i0", handed(4)),
        (1_420, "outside", Notified::MailTaken { attempt: 4 }),
        (1_430, "i0", Notified::MailAnswered { attempt: 4, reply: Reply::Taken }),
        (1_440, "store", reported(LETTER, Outcome::Sent)),
        (1_500, "i0", Notified::StreamTold { user: USER, notification: NOTE, position: 1 }),
        (9_000, "harness", ended(true)),
        (9_000, "harness", inbox(&[(NOTE, 7)])),
        (9_000, "harness", Notified::Closed),
    ]
}

/// The good story up to a time, then this.
fn then(until_ms: u64, what: impl IntoIterator<Item = (u64, &'static str, Notified)>) -> Story {
    good().into_iter().filter(|(at_ms, ..)| *at_ms <= until_ms).chain(what).collect()
}

#[test]
fn an_event_that_goes_its_way_is_accepted() {
    assert_eq!(check(good()), Ok(()));
}

#[test]
fn who_is_told_twice_is_refused() {
    let other = Uuid::from_u128(0xa2);
    refused(then(4, [(5, "store", accepted_as(EVENT, other, 8))]), "told twice of event");
    // Under another id, as after a key that was forgotten.
    refused(then(4, [(5, "store", accepted_as(Uuid::from_u128(0xe2), other, 7))]), "told twice of number");
    let twice = [(9_000, "harness", inbox(&[(NOTE, 7), (NOTE, 7)]))];
    refused(then(4, twice), "twice");
}

#[test]
fn what_is_acknowledged_before_it_stands_is_refused() {
    refused(then(2, [(3, "i1", Notified::Acknowledged { event: EVENT })]), "is acknowledged, and nothing");
    let sent = Notified::SendAnswered { notification: NOTE, about: 7 };
    refused(then(2, [(3, "i1", sent)]), "is answered as sent");
}

#[test]
fn what_is_lost_is_refused() {
    refused(then(2, [(9_000, "harness", Notified::Closed)]), "never told");
    let no_row = [(9_000, "harness", ended(true)), (9_000, "harness", Notified::Closed)];
    refused(then(1_500, no_row), "is lost");
    let read = Notified::ReadAnswered { user: USER, notification: NOTE };
    refused(then(4, [(5, "i0", read), (9_000, "harness", inbox(&[(NOTE, 7)]))]), "marked as read");
    refused(then(4, [(9_000, "harness", inbox(&[(Uuid::from_u128(9), 9)]))]), "nobody sent");
}

#[test]
fn a_channel_without_an_end_is_refused() {
    refused(then(1_310, [(9_000, "harness", ended(false))]), "never ends");
    let reasons = vec!["pushes".to_owned()];
    refused(then(1_310, [(9_000, "harness", Notified::Unsettled { reasons })]), "still pending");
}

#[test]
fn an_end_without_an_attempt_is_refused() {
    let end = |until_ms, status| then(until_ms, [(9_000, "harness", ended_as(PUSH, "https://one.test", status, true))]);
    for status in ["sent", "failed", "unknown", "removed"] {
        refused(end(5, status), "nobody tried");
    }
    for status in ["skipped", "suppressed"] {
        assert_eq!(check(end(5, status)), Ok(()), "there was nothing to try");
    }
    assert_eq!(check(end(4, "removed")), Ok(()), "the device was gone before anybody took it up");
    let gone =
        [(6, "i0", answered(9, Reply::Never)), (9_000, "harness", ended_as(PUSH, "https://one.test", "removed", true))];
    assert_eq!(check(then(5, gone)), Ok(()), "another message was answered that it is gone");
    let letter = |until_ms| then(until_ms, [(9_000, "harness", ended_as(LETTER, MAIL, "sent", true))]);
    refused(letter(1_400), "nobody tried");
    let unknown = |until_ms| then(until_ms, [(9_000, "harness", ended_as(LETTER, MAIL, "unknown", true))]);
    refused(unknown(1_330), "nobody tried");
    assert_eq!(check(unknown(1_400)), Ok(()), "it stood as being sent");
    assert_eq!(check(letter(1_410)), Ok(()));
}

#[test]
fn a_carrier_that_was_never_in_trouble_brings_everything() {
    let end = |carrier: &str, status| {
        let troubled = (5, "harness", Notified::Troubled { carrier: carrier.to_owned() });
        then(1_440, [troubled, (9_000, "harness", ended_as(LETTER, MAIL, status, true))])
    };
    refused(end("https://one.test", "failed"), "never in trouble");
    assert_eq!(check(end(MAIL, "failed")), Ok(()));
}

#[test]
fn a_second_message_on_a_device_is_refused() {
    // The answer came, and it is sent again at once.
    refused(then(1_320, [(1_325, "i0", attempted(9))]), "Taken was answered");
    refused(then(1_330, [(8_000, "i0", attempted(9))]), "that it does not hold");
    // Another claim, much later: it is written down that it is over.
    refused(then(1_330, [(7_000, "store", claimed(20_000)), (8_000, "i0", attempted(9))]), "it is over");
    // Its answer was lost: it may be sent again, but not beside itself.
    let other = tag(Uuid::from_u128(0xe2));
    let work = vec![Work { delivery: PUSH, push: Some((ADDRESS.to_owned(), other.clone())), resend: false }];
    let claim = Notified::Claimed { claim: CLAIM, by: "i0".to_owned(), until_ms: 20_000, work };
    let again = Notified::PushAttempted { attempt: 9, address: ADDRESS.to_owned(), tag: other, about: Some(7) };
    let story = [(1_200, "store", claim), (1_210, "i0", again), (1_220, "outside", Notified::PushTaken { attempt: 9 })];
    refused(then(1_100, story), "twice");
}

#[test]
fn an_attempt_after_the_device_is_gone_is_refused() {
    refused(then(6, [(7, "i0", answered(1, Reply::Never)), (110, "i0", attempted(2))]), "Never was answered");
}

#[test]
fn an_attempt_before_the_time_that_was_asked_for_is_refused() {
    let throttled = |wait_ms| (7, "i0", Notified::PushAnswered { attempt: 1, reply: Reply::Later, wait_ms });
    refused(then(6, [throttled(Some(200)), (100, "i0", attempted(2))]), "before it may");
    assert_eq!(check(then(6, [throttled(Some(93)), (100, "i0", attempted(2))])), Ok(()));
    assert_eq!(check(then(6, [throttled(None), (100, "i0", attempted(2))])), Ok(()));
}

#[test]
fn what_somebody_else_holds_or_nobody_is_refused() {
    refused(then(5, [(6, "i1", attempted(1))]), "does not hold");
    refused(then(4, [(5, "store", claimed(25)), (100, "i0", attempted(1))]), "does not hold");
    let crashed = |forge: Forge| forge.event(5, "i0", Event::Up).event(6, "i0", Event::Notify(attempted(1)));
    let story = then(5, []).into_iter();
    let forge = story.fold(Forge::default(), |forge, (at, host, what)| forge.event(at, host, Event::Notify(what)));
    assert!(crashed(forge).check(NotifyOnce::default()).is_err(), "another start of the host");
}

#[test]
fn a_mail_that_is_not_marked_or_that_comes_twice_is_refused() {
    refused(then(1_330, [(1_410, "i0", handed(4))]), "does not stand as being sent");
    // Its sender died after the server had it; whoever takes over must not send it.
    let again = [
        (12_000, "store", claimed(20_000)),
        (12_001, "store", marked()),
        (12_002, "i0", handed(5)),
        (12_003, "outside", Notified::MailTaken { attempt: 5 }),
    ];
    refused(then(1_420, again.clone()), "twice");
    let resend = |what: Notified| match what {
        Notified::Claimed { claim, by, until_ms, work } => {
            let work = work.into_iter().map(|work| Work { resend: true, ..work }).collect();
            Notified::Claimed { claim, by, until_ms, work }
        }
        other => other,
    };
    let story = then(1_420, again.clone()).into_iter().map(|(at, host, what)| (at, host, resend(what))).collect();
    assert_eq!(check(story), Ok(()), "its template says that it is sent again");
    let unknown = [(1_430, "store", reported(LETTER, Outcome::Unknown))].into_iter().chain(again.clone());
    let story = then(1_420, unknown).into_iter().map(|(at, host, what)| (at, host, resend(what))).collect();
    assert_eq!(check(story), Ok(()), "and it is known that nobody knows");
    let story = then(1_440, again).into_iter().map(|(at, host, what)| (at, host, resend(what))).collect();
    refused(story, "it is over");
}

#[test]
fn a_broken_carrier_that_delays_another_is_refused() {
    let broken = |carrier: &str| (2, "harness", Notified::OnlyBroken { carriers: vec![carrier.to_owned()] });
    let stands = |at_ms, mail_final| {
        let parts = vec![part(PUSH, "https://one.test", "pending", false), part(LETTER, MAIL, "queued", mail_final)];
        (at_ms, "harness", Notified::Stands { notification: NOTE, parts })
    };
    let story = |carrier, at_ms, mail_final| {
        vec![
            (0, "bus", Notified::Told { event: EVENT }),
            broken(carrier),
            (3, "store", accepted()),
            stands(at_ms, mail_final),
        ]
    };
    refused(story("https://one.test", 5_000, false), "delays");
    refused(story(MAIL, 5_000, true), "delays");
    assert_eq!(check(story("https://one.test", 5_000, true)), Ok(()));
    assert_eq!(check(story("https://one.test", 2_000, false)), Ok(()), "its time is not over");
}

#[test]
fn a_stream_that_leaves_something_out_or_goes_back_is_refused() {
    refused(then(1_440, good().split_off(21)), "never told of");
    let told = |position| Notified::StreamTold { user: USER, notification: NOTE, position };
    refused(then(1_440, [(1_450, "i0", told(2)), (1_460, "i0", told(1))]), "goes back");
}
