//! Dates and times in ISO form, with the eras and offsets that Postgres itself prints.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Offset, TimeZone};
use stoa_query::{SqlError, SqlState};

use super::super::encode::Zone;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
/// Days from year 1 (chrono's count) to 1970.
const DAYS_TO_1970: i32 = 719_163;

/// The pieces of a written moment.
struct Written<'a> {
    /// Days since 1970-01-01.
    days: i32,
    /// Microseconds since midnight.
    microseconds: i64,
    /// What follows: an offset, or nothing.
    zone: &'a str,
}

fn wrong(kind: &str, text: &str) -> SqlError {
    SqlError::new(SqlState::InvalidDatetimeFormat, format!("invalid input syntax for type {kind}: \"{text}\""))
}

/// Days since 1970-01-01.
pub(super) fn date(text: &str) -> Result<i32, SqlError> {
    Ok(written("date", text)?.days)
}

/// Microseconds since midnight.
pub(super) fn time(text: &str) -> Result<i64, SqlError> {
    let microseconds = clock(text.trim()).ok_or_else(|| wrong("time", text))?;
    if microseconds > MICROSECONDS_A_DAY {
        return Err(SqlError::new(
            SqlState::DatetimeFieldOverflow,
            format!("date/time field value out of range: \"{text}\""),
        ));
    }
    Ok(microseconds)
}

/// Microseconds since 1970-01-01; an offset is ignored, as Postgres does for a type without a zone.
pub(super) fn timestamp(text: &str) -> Result<i64, SqlError> {
    let Written { days, microseconds, zone: _ } = written("timestamp", text)?;
    Ok(i64::from(days) * MICROSECONDS_A_DAY + microseconds)
}

/// Microseconds since 1970-01-01 UTC; without an offset the time is meant in the session's zone.
pub(super) fn timestamptz(text: &str, zone: &Zone) -> Result<i64, SqlError> {
    let written = written("timestamp with time zone", text)?;
    let local = i64::from(written.days) * MICROSECONDS_A_DAY + written.microseconds;
    let seconds = match written.zone {
        "" => local_offset(local, zone),
        offset => offset_seconds(offset).ok_or_else(|| wrong("timestamp with time zone", text))?,
    };
    Ok(local - seconds * 1_000_000)
}

/// Seconds east of Greenwich at a local time; in the hour that occurs twice the earlier one counts.
fn local_offset(local: i64, zone: &Zone) -> i64 {
    match zone {
        Zone::Fixed(seconds) => i64::from(*seconds),
        Zone::Named(zone) => {
            let moment = chrono::DateTime::from_timestamp_micros(local).map(|moment| moment.naive_utc());
            let offset = |moment: NaiveDateTime| match zone.offset_from_local_datetime(&moment) {
                chrono::MappedLocalTime::Single(offset) | chrono::MappedLocalTime::Ambiguous(offset, _) => offset,
                chrono::MappedLocalTime::None => zone.offset_from_utc_datetime(&moment),
            };
            moment.map_or(0, |moment| i64::from(offset(moment).fix().local_minus_utc()))
        }
    }
}

/// Reads `Z`, `+02`, `-05:30`, `+0530`, `+00:17:30`.
fn offset_seconds(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let parts: Vec<&str> = match digits.len() {
        4 if digits.bytes().all(|byte| byte.is_ascii_digit()) => vec![&digits[..2], &digits[2..]],
        _ => digits.split(':').collect(),
    };
    let mut seconds = 0;
    for (part, weight) in parts.iter().zip([3_600, 60, 1]) {
        seconds += digits_of(part)? * weight;
    }
    (parts.len() <= 3 && seconds < 16 * 3_600).then_some(sign * seconds)
}

/// Splits `YYYY-MM-DD[ T]hh:mm[:ss[.ffffff]][ ][offset][ BC]`; the time of day may be missing.
fn written<'a>(kind: &str, text: &'a str) -> Result<Written<'a>, SqlError> {
    let syntax = || wrong(kind, text);
    let trimmed = text.trim();
    let (trimmed, before_christ) = match trimmed.strip_suffix(" BC") {
        Some(rest) => (rest.trim_end(), true),
        None => (trimmed, false),
    };
    let date_end = trimmed.find([' ', 'T', 't']).unwrap_or(trimmed.len());
    let mut fields = trimmed[..date_end].splitn(3, '-').map(digits_of);
    let mut field = || fields.next().flatten().ok_or_else(syntax);
    let (year, month, day) = (field()?, field()?, field()?);
    let year = if before_christ { 1 - year } else { year };
    let out_of_range =
        || SqlError::new(SqlState::DatetimeFieldOverflow, format!("date/time field value out of range: \"{text}\""));
    let number = |value: i64| u32::try_from(value).map_err(|_cause| out_of_range());
    let year = i32::try_from(year).map_err(|_cause| out_of_range())?;
    let date = NaiveDate::from_ymd_opt(year, number(month)?, number(day)?).ok_or_else(out_of_range)?;
    let rest = trimmed.get(date_end + 1..).unwrap_or("").trim_start();
    let zone_start = rest.find(['+', '-', 'Z', 'z', 'U', 'u']).unwrap_or(rest.len());
    let (time_text, zone) = rest.split_at(zone_start);
    let microseconds = match time_text.trim() {
        "" => 0,
        time_text => clock(time_text).filter(|value| *value <= MICROSECONDS_A_DAY).ok_or_else(syntax)?,
    };
    Ok(Written { days: date.num_days_from_ce() - DAYS_TO_1970, microseconds, zone: zone.trim() })
}

/// Microseconds of `hh:mm[:ss[.ffffff]]`; hours may pass 24 (intervals have such).
pub(super) fn clock(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let hours = digits_of(parts.next()?)?;
    let minutes = digits_of(parts.next()?)?;
    let (whole, microseconds) = match parts.next() {
        Some(text) => seconds(text)?,
        None => (0, 0),
    };
    if minutes >= 60 || whole > 60 {
        return None;
    }
    hours.checked_mul(3_600_000_000)?.checked_add(minutes * 60_000_000 + microseconds)
}

/// Whole seconds and all microseconds of `ss[.ffffff]`, more digits rounded.
pub(super) fn seconds(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(whole) => (-1, whole),
        None => (1, whole),
    };
    let whole = digits_of(whole)?;
    let fraction = match fraction {
        "" => 0,
        fraction if fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            let digits: String = fraction.chars().chain("0000000".chars()).take(7).collect();
            (digits.parse::<i64>().ok()? + 5) / 10
        }
        _ => return None,
    };
    Some((whole, sign * (whole.checked_mul(1_000_000)? + fraction)))
}

fn digits_of(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}
