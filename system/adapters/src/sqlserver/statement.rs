//! A statement with its parameters: as many as it names, by its type.

use std::borrow::Cow;

use coherence::Timestamp;
use tiberius::ColumnData;
use tiberius::time::{Date, DateTime2, Time};
use uuid::Uuid;

use super::errors::SqlError;

/// The value of a parameter, or of a column of a bulk load.
pub(super) type Value = ColumnData<'static>;

/// A statement whose text is a file of `sql/`, with `@P1` to `@PN`.
pub(super) struct Statement<const N: usize> {
    /// Its file, for logs and tests.
    pub(super) path: &'static str,
    pub(super) text: &'static str,
}

/// A text as a literal.
pub(super) fn quoted(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// A statement of less than ten parameters with literals in their places, for whoever runs it by hand.
pub(super) fn filled<const N: usize>(statement: &Statement<N>, values: [&str; N]) -> String {
    let names = (1..).map(|number: usize| format!("@P{number}"));
    names.zip(values).fold(statement.text.to_owned(), |text, (name, value)| text.replace(&name, value))
}

/// Days from the first day of year 1, SQL Server's, to 1970.
const DAYS_BEFORE_1970: i64 = 719_162;
/// The last day that the type has: 9999-12-31.
const LAST_DAY: i64 = 3_652_058;
const DAY_US: i64 = 86_400_000_000;
/// The fraction's digits: microseconds.
const SCALE: u8 = 6;

/// A time long ago: from then on a row that waits is due. The tables' defaults name it too.
pub(super) const LONG_AGO_US: i64 = 946_684_800_000_000;

pub(super) fn uuid(id: Uuid) -> Value {
    ColumnData::Guid(Some(id))
}

pub(super) fn uuid_or_null(id: Option<Uuid>) -> Value {
    ColumnData::Guid(id)
}

pub(super) fn text(text: impl Into<String>) -> Value {
    ColumnData::String(Some(Cow::Owned(text.into())))
}

pub(super) fn text_or_null(text: Option<String>) -> Value {
    ColumnData::String(text.map(Cow::Owned))
}

pub(super) fn bytes(bytes: impl Into<Vec<u8>>) -> Value {
    ColumnData::Binary(Some(Cow::Owned(bytes.into())))
}

pub(super) fn int(value: i64) -> Value {
    ColumnData::I64(Some(value))
}

/// A number for where the server wants an `int`: rows to skip, milliseconds.
pub(super) fn small_int(value: u32) -> Value {
    ColumnData::I32(Some(i32::try_from(value).unwrap_or(i32::MAX)))
}

pub(super) fn float(value: f64) -> Value {
    ColumnData::F64(Some(value))
}

pub(super) fn float_or_null(value: Option<f64>) -> Value {
    ColumnData::F64(value)
}

/// Milliseconds, rounded up: no claim or lease ends before its time. At most 24 days.
pub(super) fn millis(time: std::time::Duration) -> Value {
    small_int(u32::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX))
}

/// A time to the microsecond. The type has the years 1 to 9999.
pub(super) fn time(time: Timestamp) -> Result<Value, SqlError> {
    let micros = time.as_microsecond();
    let day = micros.div_euclid(DAY_US) + DAYS_BEFORE_1970;
    match u32::try_from(day) {
        Ok(days) if day <= LAST_DAY => {
            let of_day = Time::new(micros.rem_euclid(DAY_US).unsigned_abs(), SCALE);
            Ok(ColumnData::DateTime2(Some(DateTime2::new(Date::new(days), of_day))))
        }
        _ => Err(SqlError::Unreadable(format!("the time {time} is out of range"))),
    }
}

/// A time as JSON hands it to `datetime2`.
pub(super) fn json_time(time: Timestamp) -> String {
    // UTC without its Z: the type knows no offset.
    time.to_string().trim_end_matches('Z').to_owned()
}

/// The time of a value, in microseconds since 1970; `None` if it is no time.
pub(super) fn time_us(value: DateTime2) -> Option<i64> {
    let scale = value.time().scale();
    let of_day = match scale {
        0..=6 => i64::try_from(value.time().increments()).ok()?.checked_mul(10_i64.pow(u32::from(SCALE - scale)))?,
        7 => i64::try_from(value.time().increments()).ok()? / 10,
        _ => return None,
    };
    let days = i64::from(value.date().days()) - DAYS_BEFORE_1970;
    days.checked_mul(DAY_US)?.checked_add(of_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(time_in: &str) -> Option<Timestamp> {
        let ColumnData::DateTime2(Some(value)) = time(time_in.parse().unwrap()).unwrap() else { return None };
        time_us(value).and_then(|us| Timestamp::from_microsecond(us).ok())
    }

    #[test]
    fn times_come_back_as_they_were() {
        for text in [
            "1970-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "2024-02-29T12:34:56.000001Z",
            "2999-01-01T00:00:00Z",
            "9999-12-30T21:59:59.999999Z",
        ] {
            assert_eq!(back(text), Some(text.parse().unwrap()), "{text}");
        }
        assert!(time("-000001-01-01T00:00:00Z".parse().unwrap()).is_err());
    }

    /// SQL Server's own numbers: `SELECT CAST(CAST('2024-02-29T00:00:01' AS datetime2(7)) AS varbinary)`.
    #[test]
    fn a_day_is_counted_as_the_server_counts_it() {
        let ColumnData::DateTime2(Some(value)) = time("2024-02-29T00:00:01Z".parse().unwrap()).unwrap() else {
            panic!("no time")
        };
        // DATEDIFF(DAY, '0001-01-01', '2024-02-29')
        assert_eq!((value.date().days(), value.time().increments(), value.time().scale()), (738_944, 1_000_000, 6));
        let hundred_ns = DateTime2::new(Date::new(738_944), Time::new(10_000_009, 7));
        assert_eq!(time_us(hundred_ns), Some("2024-02-29T00:00:01Z".parse::<Timestamp>().unwrap().as_microsecond()));
        let long_ago = Timestamp::from_microsecond(LONG_AGO_US).unwrap();
        assert_eq!(long_ago.to_string(), "2000-01-01T00:00:00Z");
    }

    #[test]
    fn a_time_to_live_is_rounded_up_and_bounded() {
        use std::time::Duration;
        for (time, ms) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 0),
            (Duration::from_micros(1), 1),
            (Duration::from_micros(1_300_001), 1_301),
            (Duration::MAX, i32::MAX),
        ] {
            assert_eq!(millis(time), ColumnData::I32(Some(ms)), "{time:?}");
        }
    }
}
