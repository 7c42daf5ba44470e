//! Days, times of day and zones as numbers.

use chrono::{NaiveDateTime, Offset, TimeZone};

use crate::error::{Error, Result};
use crate::reject::Fault;

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// A date and time taken apart. Fields that the text does not have stay at their defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: i32,
    pub(crate) month: u32,
    pub(crate) day: u32,
    /// Microseconds since midnight.
    pub(crate) time: i64,
    /// The zone that the text names.
    pub(crate) zone: Option<Zone>,
}

impl Moment {
    /// Days since 1970-01-01; a day that does not exist is out of range.
    pub(crate) fn days(&self) -> Result<i32, Fault> {
        if self.month == 0 || self.month > 12 || self.day == 0 || self.day > days_in_month(self.year, self.month) {
            return Err(Fault::DateRange);
        }
        Ok(days_from_civil(self.year, self.month, self.day))
    }

    /// Microseconds since 1970-01-01 as the clock on the wall shows them.
    pub(crate) fn local_micros(&self) -> Result<i64, Fault> {
        i64::from(self.days()?)
            .checked_mul(DAY_MICROS)
            .and_then(|micros| micros.checked_add(self.time))
            .ok_or(Fault::DateRange)
    }

    /// Microseconds since 1970-01-01 UTC, in the named zone or else in `session`.
    pub(crate) fn utc_micros(&self, session: Zone) -> Result<i64, Fault> {
        self.zone.unwrap_or(session).to_utc(self.local_micros()?)
    }
}

/// A time zone: a fixed distance from UTC or a named region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    /// A region of the IANA database.
    Named(chrono_tz::Tz),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self::Fixed(0);

    /// Understands a zone's name, abbreviation or offset (`Europe/Berlin`, `EST`, `+02:00`).
    pub fn parse(text: &str) -> Result<Self> {
        let named = || Self::named(text.as_bytes());
        match text.as_bytes() {
            [b'+' | b'-', ..] => Self::offset(text.as_bytes()),
            _ => named(),
        }
        .ok_or_else(|| Error::invalid(format!("time zone \"{text}\" is not recognized")))
    }

    /// A region or an abbreviation.
    pub(crate) fn named(text: &[u8]) -> Option<Self> {
        // Abbreviations that Postgres knows by default, in hours; everything else is a region.
        const HOURS: [(&[u8], i32); 16] = [
            (b"Z", 0),
            (b"UTC", 0),
            (b"GMT", 0),
            (b"UT", 0),
            (b"EST", -5),
            (b"EDT", -4),
            (b"CST", -6),
            (b"CDT", -5),
            (b"MST", -7),
            (b"MDT", -6),
            (b"PST", -8),
            (b"PDT", -7),
            (b"CET", 1),
            (b"CEST", 2),
            (b"BST", 1),
            (b"JST", 9),
        ];
        let short = HOURS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, hours)) = short {
            return Some(Self::Fixed(hours * 3600));
        }
        let name = std::str::from_utf8(text).ok()?;
        let exact = name.parse::<chrono_tz::Tz>().ok();
        let zone = exact
            .or_else(|| chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).copied());
        zone.map(Self::Named)
    }

    /// `±HH`, `±HHMM`, `±HH:MM` or `±HH:MM:SS`.
    pub(crate) fn offset(text: &[u8]) -> Option<Self> {
        let (negative, body) = match text {
            [b'-', body @ ..] => (true, body),
            [b'+', body @ ..] => (false, body),
            _ => return None,
        };
        let (hours, minutes, seconds) = match body {
            [a] => (two(b'0', *a)?, 0, 0),
            [a, b] => (two(*a, *b)?, 0, 0),
            [a, b':', c, d] => (two(b'0', *a)?, two(*c, *d)?, 0),
            [a, b, c, d] | [a, b, b':', c, d] => (two(*a, *b)?, two(*c, *d)?, 0),
            [a, b, b':', c, d, b':', e, f] => (two(*a, *b)?, two(*c, *d)?, two(*e, *f)?),
            _ => return None,
        };
        if hours > 15 || minutes > 59 || seconds > 59 {
            return None;
        }
        let total = hours * 3600 + minutes * 60 + seconds;
        Some(Self::Fixed(if negative { -total } else { total }))
    }

    /// From the wall clock of this zone to UTC. Of an hour that a clock shows twice, the first; an hour that it leaves
    /// out is taken with the offset before the change, as Postgres does.
    fn to_utc(self, local: i64) -> Result<i64, Fault> {
        let seconds = match self {
            Self::Fixed(seconds) => seconds,
            Self::Named(zone) => named_offset(zone, local).ok_or(Fault::DateRange)?,
        };
        local.checked_sub(i64::from(seconds) * 1_000_000).ok_or(Fault::DateRange)
    }
}

fn named_offset(zone: chrono_tz::Tz, local: i64) -> Option<i32> {
    let wall: NaiveDateTime = chrono::DateTime::from_timestamp_micros(local)?.naive_utc();
    let offset = zone.offset_from_local_datetime(&wall).earliest().or_else(|| {
        let before = wall.checked_sub_signed(chrono::TimeDelta::hours(3))?;
        zone.offset_from_local_datetime(&before).latest()
    })?;
    Some(offset.fix().local_minus_utc())
}

fn two(high: u8, low: u8) -> Option<i32> {
    let (high, low) = (high.wrapping_sub(b'0'), low.wrapping_sub(b'0'));
    (high <= 9 && low <= 9).then(|| i32::from(high) * 10 + i32::from(low))
}

/// Days of a month, from 1 to 12.
pub(crate) fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "chrono-compatible low-level date algorithms").
/// Years are astronomical: 0 is 1 BC.
#[expect(clippy::cast_possible_wrap, reason = "month and day are small")]
pub(crate) fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = ((month + 9) % 12) as i32;
    let day_of_year = (153 * shifted + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ranges follow from the moduli")]
pub(crate) fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

/// The month of an English name or its first three letters.
pub(crate) fn month_of_name(name: &[u8]) -> Option<u32> {
    const NAMES: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    let lower = name.to_ascii_lowercase();
    let at = NAMES
        .iter()
        .position(|full| *full == lower || full[..3] == lower[..] || (lower == b"sept" && full[..4] == lower[..]))?;
    u32::try_from(at + 1).ok()
}
