//! Ids, a type for each thing that has one. All are UUIDs on the wire (specification 2.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

pub(crate) use id;

id! {
    /// One forecast.
    ForecastId
}
id! {
    /// The company that a forecast belongs to; the unit of authorisation.
    CompanyId
}
id! {
    /// A production unit of a company.
    UnitId
}
id! {
    /// Who made the forecast, where several providers forecast the same unit.
    ProviderId
}
id! {
    /// A person or a service account: the token's `sub`.
    UserId
}
id! {
    /// One event on the bus.
    EventId
}
