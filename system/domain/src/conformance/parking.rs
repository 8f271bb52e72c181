//! What a [`Parking`] must do. That the oldest goes when too many are parked is tested beside each adapter, which can fill
//! it quicker.

use std::sync::Arc;

use super::case;
use super::samples::parked;
use crate::ports::{Outgoing, ParkedEvent, Parking, Topic};

/// Nothing parked yet, and whatever keeps it alive.
pub trait ParkingHarness: Send + Sync {
    /// The parked events.
    fn parking(&self) -> Arc<dyn Parking>;
}

/// Runs every case, each on a store of its own.
pub async fn run_all<H: ParkingHarness>(make: impl AsyncFn() -> H) {
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $({
                let harness = make().await;
                let parking = harness.parking();
                case(stringify!($case), $case(&*parking)).await;
            })*
        };
    }
    cases![
        a_parked_event_is_kept_as_it_came,
        an_event_is_parked_once,
        the_last_one_parked_is_told_first,
        a_discarded_event_is_gone,
    ];
}

/// Any text, any topic, with and without a forecast.
pub async fn a_parked_event_is_kept_as_it_came(parking: &dyn Parking) {
    let message =
        Outgoing { key: "ключ '\"\\".to_owned(), payload: "{\"a\":\"ü\\n\"".into(), ..parked(1).message };
    let odd = ParkedEvent { message, entity: None, attempts: u32::MAX, topic: Topic::ForecastUpdated, ..parked(1) };
    let bare = Outgoing { properties: std::collections::BTreeMap::new(), ..parked(3).message };
    for event in [odd, parked(2), ParkedEvent { message: bare, ..parked(3) }] {
        assert_eq!(parking.get(event.id).await.unwrap(), None);
        parking.park(event.clone()).await.unwrap();
        assert_eq!(parking.get(event.id).await.unwrap(), Some(event));
    }
}

/// The first one stays, where it is.
pub async fn an_event_is_parked_once(parking: &dyn Parking) {
    parking.park(parked(1)).await.unwrap();
    parking.park(parked(2)).await.unwrap();
    parking.park(ParkedEvent { reason: "another one".to_owned(), ..parked(1) }).await.unwrap();
    assert_eq!(parking.parked(10).await.unwrap(), [parked(2), parked(1)]);
}

/// In the order of the parking, whatever their times say.
pub async fn the_last_one_parked_is_told_first(parking: &dyn Parking) {
    assert_eq!(parking.parked(10).await.unwrap(), []);
    for n in [1, 5, 3, 4, 2] {
        parking.park(parked(n)).await.unwrap();
    }
    assert_eq!(parking.parked(10).await.unwrap(), [2, 4, 3, 5, 1].map(parked));
    assert_eq!(parking.parked(2).await.unwrap(), [2, 4].map(parked));
    assert_eq!(parking.parked(0).await.unwrap(), []);
}

/// And may come again.
pub async fn a_discarded_event_is_gone(parking: &dyn Parking) {
    parking.park(parked(1)).await.unwrap();
    parking.park(parked(2)).await.unwrap();
    assert!(!parking.discard(parked(3).id).await.unwrap());
    assert!(parking.discard(parked(1).id).await.unwrap());
    assert!(!parking.discard(parked(1).id).await.unwrap());
    assert_eq!(parking.get(parked(1).id).await.unwrap(), None);
    assert_eq!(parking.parked(10).await.unwrap(), [parked(2)]);
    parking.park(parked(1)).await.unwrap();
    assert_eq!(parking.parked(10).await.unwrap(), [parked(1), parked(2)]);
}
