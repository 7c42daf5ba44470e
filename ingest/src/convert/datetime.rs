//! Text to dates, times and timestamps.
//!
//! The ISO forms have a fast path of fixed offsets. What it does not take goes to a lenient reader of the forms that
//! Redshift's 'auto' and Postgres (DateStyle ISO, MDY) understand.

use crate::convert::calendar::{
    DAY_MICROS, Moment, Zone, civil_from_days, days_from_civil, days_in_month, month_of_name,
};
use crate::convert::number::DecimalShape;
use crate::convert::pattern::time_of_day;
use crate::options::{DateFormat, Rounding, TimeFormat};
use crate::reject::Fault;

/// Reads a date as days since 1970-01-01.
pub fn parse_date(field: &[u8], format: &DateFormat) -> Result<i32, Fault> {
    match format {
        DateFormat::Auto => match iso_date(field) {
            Some(days) => Ok(days),
            None => Lenient::new(field, Fault::Date).date_time()?.days(),
        },
        DateFormat::Pattern(pattern) => pattern.read(field, Fault::Date)?.days(),
    }
}

/// Reads a timestamp without zone as microseconds since 1970-01-01; a zone in the text is dropped, as in Postgres.
pub fn parse_timestamp(field: &[u8], format: &TimeFormat) -> Result<i64, Fault> {
    match format {
        TimeFormat::Auto => match iso_timestamp(field) {
            Some(micros) => Ok(micros),
            None => Lenient::new(field, Fault::Timestamp).date_time()?.local_micros(),
        },
        TimeFormat::Pattern(pattern) => pattern.read(field, Fault::Timestamp)?.local_micros(),
        TimeFormat::EpochSeconds | TimeFormat::EpochMilliseconds => parse_epoch(field, format),
    }
}

/// Reads a timestamp with zone as microseconds since 1970-01-01 UTC; text without a zone is in zone `session`.
pub fn parse_timestamp_tz(field: &[u8], format: &TimeFormat, session: Zone) -> Result<i64, Fault> {
    match format {
        TimeFormat::Auto => match iso_timestamp(field) {
            Some(micros) if session == Zone::UTC => Ok(micros),
            _ => Lenient::new(field, Fault::Timestamp).date_time()?.utc_micros(session),
        },
        TimeFormat::Pattern(pattern) => pattern.read(field, Fault::Timestamp)?.utc_micros(session),
        TimeFormat::EpochSeconds | TimeFormat::EpochMilliseconds => parse_epoch(field, format),
    }
}

/// Reads a time of day as microseconds since midnight.
pub fn parse_time(field: &[u8]) -> Result<i64, Fault> {
    let mut text = Lenient::new(field, Fault::Time);
    let time = text.time()?;
    // A zone is dropped: a time of day without a date has no use for it.
    text.zone()?;
    if !text.rest.is_empty() {
        return Err(Fault::Time);
    }
    if time >= DAY_MICROS { Err(Fault::DateRange) } else { Ok(time) }
}

fn parse_epoch(field: &[u8], format: &TimeFormat) -> Result<i64, Fault> {
    let scale = if *format == TimeFormat::EpochSeconds { 6 } else { 3 };
    DecimalShape::new(18, scale, Rounding::Truncate).parse_short(field).map_err(|fault| match fault {
        Fault::Overflow => Fault::DateRange,
        _ => Fault::Timestamp,
    })
}

/// `YYYY-MM-DD`, exactly.
fn iso_date(field: &[u8]) -> Option<i32> {
    let field: &[u8; 10] = field.try_into().ok()?;
    let digit = |index: usize| u32::from(field[index].wrapping_sub(b'0'));
    // One check for all eight digits: anything else has a value above 9.
    let greatest = [0, 1, 2, 3, 5, 6, 8, 9].into_iter().map(digit).fold(0, u32::max);
    if greatest > 9 || field[4] != b'-' || field[7] != b'-' {
        return None;
    }
    let year = i32::try_from(digit(0) * 1000 + digit(1) * 100 + digit(2) * 10 + digit(3)).ok()?;
    let (month, day) = (digit(5) * 10 + digit(6), digit(8) * 10 + digit(9));
    if year == 0 || month == 0 || month > 12 || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]` with a blank or `T` between, exactly.
fn iso_timestamp(field: &[u8]) -> Option<i64> {
    let (date, rest) = field.split_at_checked(10)?;
    let days = iso_date(date)?;
    let (clock, fraction) = rest.split_at_checked(9)?;
    let digit = |index: usize| u32::from(clock[index].wrapping_sub(b'0'));
    let greatest = [1, 2, 4, 5, 7, 8].into_iter().map(digit).fold(0, u32::max);
    if greatest > 9 || !matches!(clock[0], b' ' | b'T') || clock[3] != b':' || clock[6] != b':' {
        return None;
    }
    let (hour, minute, second) = (digit(1) * 10 + digit(2), digit(4) * 10 + digit(5), digit(7) * 10 + digit(8));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match fraction {
        [] => 0,
        [b'.', digits @ ..] if !digits.is_empty() && digits.len() <= 6 => {
            let mut value = 0_i64;
            for index in 0..6 {
                let digit = digits.get(index).map_or(0, |byte| byte.wrapping_sub(b'0'));
                if digit > 9 {
                    return None;
                }
                value = value * 10 + i64::from(digit);
            }
            value
        }
        _ => return None,
    };
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(i64::from(days) * DAY_MICROS + seconds * 1_000_000 + micros)
}

/// A reader of many forms. `fault` is what it reports when none fits.
struct Lenient<'a> {
    rest: &'a [u8],
    fault: Fault,
}

impl<'a> Lenient<'a> {
    fn new(field: &'a [u8], fault: Fault) -> Self {
        Self { rest: field.trim_ascii(), fault }
    }

    /// A date, then perhaps a time, a zone and an era.
    fn date_time(mut self) -> Result<Moment, Fault> {
        let (mut year, month, day) = self.date()?;
        let mut time = 0;
        if matches!(self.rest, [b'T' | b't', b'0'..=b'9', ..]) {
            self.rest = &self.rest[1..];
            time = self.time()?;
        } else if matches!(self.rest, [b' ', ..]) {
            self.blanks();
            if self.rest.first().is_some_and(u8::is_ascii_digit) {
                time = self.time()?;
            }
        }
        let mut zone = None;
        loop {
            self.blanks();
            if self.keyword(b"bc") {
                year = 1 - year;
            } else if self.rest.is_empty() {
                break;
            } else if !self.keyword(b"ad") {
                let found = self.zone()?.ok_or(self.fault)?;
                if zone.replace(found).is_some() {
                    return Err(self.fault);
                }
            }
        }
        let moment = Moment { year, month, day, time, zone };
        moment.days()?;
        Ok(moment)
    }

    fn date(&mut self) -> Result<(i32, u32, u32), Fault> {
        let digits = self.digits();
        match digits.len() {
            0 => self.date_from_word(),
            8 => Ok((number(&digits[..4])?.cast_signed(), number(&digits[4..6])?, number(&digits[6..])?)),
            6 if !self.at_separator() => {
                Ok((full_year(number(&digits[..2])?), number(&digits[2..4])?, number(&digits[4..])?))
            }
            3..=6 => self.date_from_year(number(digits)?.cast_signed()),
            1 | 2 => self.date_from_small(number(digits)?),
            _ => Err(self.fault),
        }
    }

    /// After the year: `-MM-DD`, `/MM/DD`, `-Mon-DD`, `.DDD`.
    fn date_from_year(&mut self, year: i32) -> Result<(i32, u32, u32), Fault> {
        let separator = self.separator()?;
        if self.rest.first().is_some_and(u8::is_ascii_alphabetic) {
            let month = month_of_name(self.letters()).ok_or(self.fault)?;
            self.separator()?;
            return Ok((year, month, self.small_number()?));
        }
        let digits = self.digits();
        if digits.len() == 3 && separator == b'.' {
            return day_of_year(year, number(digits)?);
        }
        if digits.is_empty() || digits.len() > 2 || self.rest.first() != Some(&separator) {
            return Err(self.fault);
        }
        self.rest = &self.rest[1..];
        Ok((year, number(digits)?, self.small_number()?))
    }

    /// After one or two digits: `DD-Mon-YYYY`, `MM/DD/YYYY`, `MM-DD-YYYY`, `MM.DD.YYYY`, years of two digits, too.
    fn date_from_small(&mut self, first: u32) -> Result<(i32, u32, u32), Fault> {
        let separator = self.separator()?;
        if self.rest.first().is_some_and(u8::is_ascii_alphabetic) {
            let month = month_of_name(self.letters()).ok_or(self.fault)?;
            self.separator()?;
            return Ok((self.year()?, month, first));
        }
        let day = self.small_number()?;
        if self.separator()? != separator {
            return Err(self.fault);
        }
        Ok((self.year()?, first, day))
    }

    /// `Mon DD, YYYY`, `Month-DD-YYYY`, `J2451187`.
    fn date_from_word(&mut self) -> Result<(i32, u32, u32), Fault> {
        let word = self.letters();
        if word.eq_ignore_ascii_case(b"j") {
            let digits = self.digits();
            if digits.is_empty() || digits.len() > 8 {
                return Err(self.fault);
            }
            // The Julian day of 1970-01-01 is 2,440,588.
            let (year, month, day) = civil_from_days(i64::from(number(digits)?) - 2_440_588);
            return Ok((i32::try_from(year).map_err(|_error| Fault::DateRange)?, month, day));
        }
        let month = month_of_name(word).ok_or(self.fault)?;
        self.separator()?;
        let day = self.small_number()?;
        self.separator()?;
        Ok((self.year()?, month, day))
    }

    /// `HH[:MM[:SS[.ffffff]]] [AM|PM]`, or `HHMM` and `HHMMSS` without colons.
    fn time(&mut self) -> Result<i64, Fault> {
        let digits = self.digits();
        let (mut hour, minute, second) = match digits.len() {
            1 | 2 if self.rest.first() == Some(&b':') => {
                self.rest = &self.rest[1..];
                let minute = self.small_number()?;
                let second = if self.rest.first() == Some(&b':') {
                    self.rest = &self.rest[1..];
                    self.small_number()?
                } else {
                    0
                };
                (number(digits)?, minute, second)
            }
            1 | 2 => (number(digits)?, 0, 0),
            4 => (number(&digits[..2])?, number(&digits[2..])?, 0),
            6 => (number(&digits[..2])?, number(&digits[2..4])?, number(&digits[4..])?),
            _ => return Err(self.fault),
        };
        let micros = self.fraction();
        self.blanks();
        let afternoon = if self.keyword(b"am") { Some(0) } else { self.keyword(b"pm").then_some(12) };
        if let Some(shift) = afternoon {
            if hour == 0 || hour > 12 {
                return Err(Fault::DateRange);
            }
            hour = hour % 12 + shift;
        }
        time_of_day(hour, minute, second, micros)
    }

    /// `.ffffff` in microseconds, rounded at the seventh digit as Postgres does; nothing is 0.
    fn fraction(&mut self) -> u32 {
        let [b'.' | b',', b'0'..=b'9', ..] = self.rest else {
            return 0;
        };
        self.rest = &self.rest[1..];
        let digits = self.digits();
        let digit = |index: usize| digits.get(index).map_or(0, |byte| u32::from(byte - b'0'));
        let micros = (0..6).fold(0, |value, index| value * 10 + digit(index));
        // Rounding up to a whole second would have to carry into the date: cut there.
        (micros + u32::from(digit(6) >= 5)).min(999_999)
    }

    /// A zone, if one comes next.
    fn zone(&mut self) -> Result<Option<Zone>, Fault> {
        self.blanks();
        let Some(first) = self.rest.first() else {
            return Ok(None);
        };
        let length = self.rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let (text, rest) = self.rest.split_at(length);
        let zone = match first {
            b'+' | b'-' => Zone::offset(text),
            byte if byte.is_ascii_alphabetic() => Zone::named(text),
            _ => None,
        };
        self.rest = rest;
        zone.map(Some).ok_or(self.fault)
    }

    fn year(&mut self) -> Result<i32, Fault> {
        let digits = self.digits();
        match digits.len() {
            2 => Ok(full_year(number(digits)?)),
            3..=6 => Ok(number(digits)?.cast_signed()),
            _ => Err(self.fault),
        }
    }

    fn small_number(&mut self) -> Result<u32, Fault> {
        let digits = self.digits();
        if digits.is_empty() || digits.len() > 2 { Err(self.fault) } else { number(digits) }
    }

    fn digits(&mut self) -> &'a [u8] {
        self.take_while(u8::is_ascii_digit)
    }

    fn letters(&mut self) -> &'a [u8] {
        self.take_while(u8::is_ascii_alphabetic)
    }

    fn take_while(&mut self, wanted: impl Fn(&u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|byte| wanted(byte)).count();
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn keyword(&mut self, word: &[u8]) -> bool {
        let Some((start, rest)) = self.rest.split_at_checked(word.len()) else {
            return false;
        };
        let ends = !rest.first().is_some_and(u8::is_ascii_alphanumeric);
        let found = ends && start.eq_ignore_ascii_case(word);
        if found {
            self.rest = rest;
        }
        found
    }

    fn at_separator(&self) -> bool {
        matches!(self.rest, [b'-' | b'/' | b'.', ..])
    }

    /// One of `-`, `/`, `.`, or a comma or blanks (which count as a blank).
    fn separator(&mut self) -> Result<u8, Fault> {
        match self.rest {
            [byte @ (b'-' | b'/' | b'.'), rest @ ..] => {
                self.rest = rest;
                Ok(*byte)
            }
            [b' ' | b',', ..] => {
                self.take_while(|byte| matches!(byte, b' ' | b','));
                Ok(b' ')
            }
            _ => Err(self.fault),
        }
    }
}

/// The value of up to nine digits.
fn number(digits: &[u8]) -> Result<u32, Fault> {
    if digits.len() > 9 {
        return Err(Fault::DateRange);
    }
    Ok(digits.iter().fold(0, |value, byte| value * 10 + u32::from(byte - b'0')))
}

fn full_year(short: u32) -> i32 {
    let short = short.cast_signed();
    if short < 70 { 2000 + short } else { 1900 + short }
}

fn day_of_year(year: i32, day: u32) -> Result<(i32, u32, u32), Fault> {
    let days = i64::from(days_from_civil(year, 1, 1)) + i64::from(day) - 1;
    let (found, month, day_of_month) = civil_from_days(days);
    if day == 0 || found != i64::from(year) { Err(Fault::DateRange) } else { Ok((year, month, day_of_month)) }
}
