//! Text → values, with Postgres's grammar and errors.

use super::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use crate::error::{SqlError, SqlState};

/// 22P02: `text` is no value of a type.
pub(crate) fn invalid(type_name: &str, text: &str) -> SqlError {
    SqlError::new(SqlState::InvalidTextRepresentation, format!("invalid input syntax for type {type_name}: \"{text}\""))
}

fn invalid_time(type_name: &str, text: &str) -> SqlError {
    SqlError::new(SqlState::InvalidDatetimeFormat, format!("invalid input syntax for type {type_name}: \"{text}\""))
}

fn out_of_range(text: &str) -> SqlError {
    SqlError::new(SqlState::DatetimeFieldOverflow, format!("date/time field value out of range: \"{text}\""))
}

/// `boolean`: any unambiguous prefix of true, false, yes, no, on, off, and 1, 0.
pub(crate) fn boolean(text: &str) -> Result<bool, SqlError> {
    let word = text.trim().to_ascii_lowercase();
    let is = |full: &str, least: usize| word.len() >= least && full.starts_with(&word);
    match word.as_str() {
        "1" => Ok(true),
        "0" => Ok(false),
        _ if is("true", 1) || is("yes", 1) || word == "on" => Ok(true),
        _ if is("false", 1) || is("no", 1) || is("off", 2) => Ok(false),
        _ => Err(invalid("boolean", text)),
    }
}

/// An integer of at most `max` in size.
pub(crate) fn integer(text: &str, type_name: &str, min: i64, max: i64) -> Result<i64, SqlError> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(type_name, text));
    }
    match trimmed.parse::<i64>() {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        _ => Err(SqlError::new(
            SqlState::NumericValueOutOfRange,
            format!("value \"{text}\" is out of range for type {type_name}"),
        )),
    }
}

/// `double precision`, with NaN and infinity.
pub(crate) fn float(text: &str, type_name: &str) -> Result<f64, SqlError> {
    let trimmed = text.trim();
    let word = trimmed.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let value = match word.as_str() {
        "nan" => f64::NAN,
        "infinity" | "inf" => f64::INFINITY,
        _ if word.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
            let value: f64 = trimmed.parse().map_err(|_error| invalid(type_name, text))?;
            if value.is_infinite() {
                return Err(SqlError::new(
                    SqlState::NumericValueOutOfRange,
                    format!("\"{text}\" is out of range for type {type_name}"),
                ));
            }
            return Ok(value);
        }
        _ => return Err(invalid(type_name, text)),
    };
    Ok(if trimmed.starts_with('-') { -value } else { value })
}

/// `numeric`: the unscaled value and the scale that the text has.
pub(crate) fn decimal(text: &str) -> Result<(i128, i8), SqlError> {
    let trimmed = text.trim();
    let (negative, body) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_error| invalid("numeric", text))?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return Err(invalid("numeric", text));
    }
    let too_large = || SqlError::new(SqlState::NumericValueOutOfRange, "value overflows numeric format");
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i128::from(digit - b'0')))
            .ok_or_else(too_large)?;
    }
    let mut scale = i32::try_from(fraction.len()).map_err(|_error| too_large())? - exponent;
    while scale < 0 {
        value = value.checked_mul(10).ok_or_else(too_large)?;
        scale += 1;
    }
    while scale > 38 {
        value /= 10;
        scale -= 1;
    }
    let scale = i8::try_from(scale).map_err(|_error| too_large())?;
    Ok((if negative { -value } else { value }, scale))
}

/// The parts of a date and time as written.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Moment {
    /// Day since 1970.
    pub(crate) days: i32,
    /// Microseconds of the day.
    pub(crate) micros: i64,
    /// Zone as seconds east of UTC, where given.
    pub(crate) offset: Option<i64>,
    /// A named zone, where given.
    pub(crate) zone: Option<chrono_tz::Tz>,
}

/// A date, time of day and zone, in the forms that Postgres reads (ISO, `MM/DD/YYYY`, month names) and the words
/// `now`, `today`, `tomorrow`, `yesterday`, `epoch`.
pub(crate) fn moment(text: &str, now_micros: i64, type_name: &str) -> Result<Moment, SqlError> {
    let trimmed = text.trim();
    let (today, time) = calendar::split(now_micros);
    let day = |days: i32| Moment { days, ..Moment::default() };
    match trimmed.to_ascii_lowercase().as_str() {
        "now" => return Ok(Moment { days: today, micros: time, ..Moment::default() }),
        "today" => return Ok(day(today)),
        "tomorrow" => return Ok(day(today + 1)),
        "yesterday" => return Ok(day(today - 1)),
        "epoch" => return Ok(day(0)),
        _ => {}
    }
    let split = trimmed.find(['T', 't']).filter(|at| trimmed.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit));
    let (date, rest) = match split {
        Some(at) if trimmed[..at].ends_with(|c: char| c.is_ascii_digit()) => (&trimmed[..at], &trimmed[at + 1..]),
        _ => split_date(trimmed),
    };
    let days = date_text(date, text, type_name)?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Ok(day(days));
    }
    let mut found = clock(rest, text, type_name)?;
    found.days = days;
    Ok(found)
}

/// The date of a text and what follows it: a date ends before the first word with a colon.
fn split_date(text: &str) -> (&str, &str) {
    match text.find(':') {
        None => (text, ""),
        Some(colon) => {
            let start = text[..colon].rfind(' ').map_or(0, |space| space + 1);
            (text[..start].trim_end(), &text[start..])
        }
    }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The number of a month that a word names.
pub(crate) fn month_of(word: &str) -> Option<u32> {
    let word = word.to_ascii_lowercase();
    let place = MONTHS.iter().position(|month| word.starts_with(month))?;
    u32::try_from(place + 1).ok()
}

fn date_text(date: &str, text: &str, type_name: &str) -> Result<i32, SqlError> {
    let fields: Vec<&str> = date.split(['-', '/', '.', ' ', ',']).filter(|field| !field.is_empty()).collect();
    let number = |field: &str| field.parse::<i32>().map_err(|_error| invalid_time(type_name, text));
    let (year, month, day) = match fields.as_slice() {
        [packed] if packed.len() == 8 && packed.is_ascii() => {
            (number(&packed[..4])?, number(&packed[4..6])?, number(&packed[6..])?)
        }
        [first, second, third] => {
            if let Some(month) = month_of(first) {
                (number(third)?, month.cast_signed(), number(second)?)
            } else if let Some(month) = month_of(second) {
                let (first, third) = (number(first)?, number(third)?);
                if first > 31 { (first, month.cast_signed(), third) } else { (third, month.cast_signed(), first) }
            } else if first.len() >= 3 {
                (number(first)?, number(second)?, number(third)?)
            } else {
                // DateStyle MDY.
                (number(third)?, number(first)?, number(second)?)
            }
        }
        _ => return Err(invalid_time(type_name, text)),
    };
    let year = if year < 100 && fields.last().is_some_and(|last| last.len() == 2) {
        if year < 70 { year + 2000 } else { year + 1900 }
    } else {
        year
    };
    let unsigned = |value: i32| u32::try_from(value).map_err(|_error| out_of_range(text));
    calendar::days_of(year, unsigned(month)?, unsigned(day)?).ok_or_else(|| out_of_range(text))
}

/// `HH:MM[:SS[.f]] [AM|PM] [zone]`.
pub(crate) fn clock(rest: &str, text: &str, type_name: &str) -> Result<Moment, SqlError> {
    let wrong = || invalid_time(type_name, text);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(rest.len());
    let (clock, mut tail) = (&rest[..end], rest[end..].trim());
    let mut fields = clock.split(':');
    let hours: i64 = fields.next().and_then(|field| field.parse().ok()).ok_or_else(wrong)?;
    let minutes: i64 = fields.next().and_then(|field| field.parse().ok()).ok_or_else(wrong)?;
    let seconds = match fields.next() {
        Some(field) => seconds_text(field).ok_or_else(wrong)?,
        None => 0,
    };
    if fields.next().is_some() {
        return Err(wrong());
    }
    let mut hours = hours;
    let lower = tail.to_ascii_lowercase();
    for (word, noon) in [("am", 0), ("pm", 12)] {
        if lower.starts_with(word) {
            hours = hours % 12 + noon;
            tail = tail[2..].trim();
        }
    }
    let micros = hours * HOUR + minutes * MINUTE + seconds;
    if hours > 24 || minutes > 59 || seconds > 60 * SECOND || micros > DAY {
        return Err(out_of_range(text));
    }
    let mut found = Moment { micros, ..Moment::default() };
    match zone(tail).ok_or_else(wrong)? {
        Zone::None => {}
        Zone::Offset(seconds) => found.offset = Some(seconds),
        Zone::Named(zone) => found.zone = Some(zone),
    }
    Ok(found)
}

/// Seconds with a fraction, in microseconds, rounded.
fn seconds_text(field: &str) -> Option<i64> {
    let (whole, fraction) = field.split_once('.').unwrap_or((field, ""));
    let whole: i64 = whole.parse().ok()?;
    let mut digits: String = fraction.chars().take(7).collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    while digits.len() < 7 {
        digits.push('0');
    }
    let tenths: i64 = digits.parse().ok()?;
    whole.checked_mul(SECOND)?.checked_add((tenths + 5) / 10)
}

/// A zone as written.
pub(crate) enum Zone {
    /// None.
    None,
    /// Seconds east of UTC.
    Offset(i64),
    /// A zone of the time zone database.
    Named(chrono_tz::Tz),
}

/// `Z`, `+02`, `+02:30`, `-0800`, `UTC`, `Europe/Berlin`; `None` when it is no zone.
pub(crate) fn zone(text: &str) -> Option<Zone> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Zone::None);
    }
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("gmt") {
        return Some(Zone::Offset(0));
    }
    if let Some(body) = text.strip_prefix(['+', '-']) {
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let fields: Vec<&str> = body.split(':').collect();
        let number = |field: &str| field.parse::<i64>().ok();
        let (hours, minutes, seconds) = match fields.as_slice() {
            [packed] if packed.len() == 4 && packed.is_ascii() => (number(&packed[..2])?, number(&packed[2..])?, 0),
            [hours] => (number(hours)?, 0, 0),
            [hours, minutes] => (number(hours)?, number(minutes)?, 0),
            [hours, minutes, seconds] => (number(hours)?, number(minutes)?, number(seconds)?),
            _ => return None,
        };
        return (hours <= 15 && minutes < 60).then_some(Zone::Offset(sign * (hours * 3600 + minutes * 60 + seconds)));
    }
    named_zone(text).map(Zone::Named)
}

/// A zone of the time zone database, by name in any case or common abbreviation.
pub(crate) fn named_zone(name: &str) -> Option<chrono_tz::Tz> {
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    let known = match name.to_ascii_uppercase().as_str() {
        "PST" | "PDT" => "America/Los_Angeles",
        "MST" | "MDT" => "America/Denver",
        "CST" | "CDT" => "America/Chicago",
        "EST" | "EDT" => "America/New_York",
        "CET" | "CEST" => "Europe/Paris",
        "BST" => "Europe/London",
        "JST" => "Asia/Tokyo",
        "IST" => "Asia/Kolkata",
        _ => return chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).copied(),
    };
    known.parse().ok()
}

/// `date`: day since 1970.
pub(crate) fn date(text: &str, now_micros: i64) -> Result<i32, SqlError> {
    Ok(moment(text, now_micros, "date")?.days)
}

/// `time`: microseconds of the day.
pub(crate) fn time(text: &str) -> Result<i64, SqlError> {
    let trimmed = text.trim();
    let rest = trimmed
        .rsplit_once(['T', ' '])
        .map_or(trimmed, |(before, rest)| if before.contains('-') { rest } else { trimmed });
    Ok(clock(rest, text, "time")?.micros)
}

/// `timestamp`: microseconds since 1970; a zone in the text is ignored, as in Postgres.
pub(crate) fn timestamp(text: &str, now_micros: i64) -> Result<i64, SqlError> {
    let found = moment(text, now_micros, "timestamp")?;
    calendar::join(found.days, found.micros).ok_or_else(|| out_of_range(text))
}

/// `timestamptz`: microseconds since 1970 UTC; without a zone, local time of `local`.
pub(crate) fn timestamptz(text: &str, now_micros: i64, local: chrono_tz::Tz) -> Result<i64, SqlError> {
    let found = moment(text, calendar::to_local(local, now_micros), "timestamp with time zone")?;
    let wall = calendar::join(found.days, found.micros).ok_or_else(|| out_of_range(text))?;
    Ok(match (found.offset, found.zone) {
        (Some(offset), _) => wall - offset * SECOND,
        (None, Some(zone)) => calendar::from_local(zone, wall),
        (None, None) => calendar::from_local(local, wall),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_usual_forms() {
        let expect = calendar::days_of(2024, 3, 5).unwrap();
        for text in
            ["2024-03-05", "20240305", "3/5/2024", "Mar 5, 2024", "5 March 2024", "2024-03-05 10:00", "2024/3/5"]
        {
            assert_eq!(date(text, 0).unwrap(), expect, "{text}");
        }
        assert_eq!(date("2024-02-30", 0).unwrap_err().state, SqlState::DatetimeFieldOverflow);
        assert_eq!(date("hello", 0).unwrap_err().state, SqlState::InvalidDatetimeFormat);
    }

    #[test]
    fn moments_have_zones() {
        let utc = timestamptz("2024-06-01T12:00:00Z", 0, chrono_tz::UTC).unwrap();
        assert_eq!(timestamptz("2024-06-01 14:00:00+02", 0, chrono_tz::UTC).unwrap(), utc);
        assert_eq!(timestamptz("2024-06-01 14:00", 0, chrono_tz::Europe::Berlin).unwrap(), utc);
        assert_eq!(timestamptz("2024-06-01 14:00 Europe/Berlin", 0, chrono_tz::UTC).unwrap(), utc);
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(decimal("-1.50").unwrap(), (-150, 2));
        assert_eq!(decimal("1e3").unwrap(), (1000, 0));
        assert_eq!(decimal("1,5").unwrap_err().state, SqlState::InvalidTextRepresentation);
        assert_eq!(integer("99999", "smallint", -32768, 32767).unwrap_err().state, SqlState::NumericValueOutOfRange);
        assert!(boolean(" YES ").unwrap());
        assert!(boolean("maybe").is_err());
    }
}
