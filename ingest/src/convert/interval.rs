//! Text to intervals: Postgres's units (`1 year 2 mons 3 days 04:05:06`), with `ago`, and ISO 8601 (`P1Y2M3DT4H5M6S`).

use arrow_buffer::IntervalMonthDayNano;

use crate::reject::Fault;

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// Reads an interval.
pub fn parse_interval(field: &[u8]) -> Result<IntervalMonthDayNano, Fault> {
    let text = std::str::from_utf8(field).map_err(|_error| Fault::Interval)?.trim();
    let mut sum = Sum::default();
    match text.strip_prefix(['P', 'p']) {
        Some(iso) => sum.add_iso(iso)?,
        None => sum.add_words(text)?,
    }
    sum.finish()
}

/// The three parts, wide enough that no sum of fields overflows before the check at the end.
#[derive(Default)]
struct Sum {
    months: i128,
    days: i128,
    nanos: i128,
}

#[derive(Clone, Copy)]
enum Unit {
    Months(i128),
    Days(i128),
    Nanos(i128),
}

impl Unit {
    fn of_word(word: &str) -> Option<Self> {
        let lower = word.to_ascii_lowercase();
        Some(match lower.as_str() {
            "millennium" | "millennia" | "mil" | "mils" => Self::Months(12_000),
            "century" | "centuries" | "cent" | "c" => Self::Months(1200),
            "decade" | "decades" | "dec" | "decs" => Self::Months(120),
            "year" | "years" | "yr" | "yrs" | "y" => Self::Months(12),
            "quarter" | "quarters" | "qtr" => Self::Months(3),
            "month" | "months" | "mon" | "mons" => Self::Months(1),
            "week" | "weeks" | "w" => Self::Days(7),
            "day" | "days" | "d" => Self::Days(1),
            "hour" | "hours" | "hr" | "hrs" | "h" => Self::Nanos(3600 * SECOND),
            "minute" | "minutes" | "min" | "mins" | "m" => Self::Nanos(60 * SECOND),
            "second" | "seconds" | "sec" | "secs" | "s" => Self::Nanos(SECOND),
            "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => Self::Nanos(1_000_000),
            "microsecond" | "microseconds" | "usec" | "usecs" | "us" => Self::Nanos(1000),
            _ => return None,
        })
    }

    fn of_letter(letter: char, in_time: bool) -> Option<Self> {
        Some(match (letter.to_ascii_uppercase(), in_time) {
            ('Y', false) => Self::Months(12),
            ('M', false) => Self::Months(1),
            ('W', false) => Self::Days(7),
            ('D', false) => Self::Days(1),
            ('H', true) => Self::Nanos(3600 * SECOND),
            ('M', true) => Self::Nanos(60 * SECOND),
            ('S', true) => Self::Nanos(SECOND),
            _ => return None,
        })
    }
}

impl Sum {
    fn add_iso(&mut self, mut text: &str) -> Result<(), Fault> {
        let mut in_time = false;
        if text.is_empty() {
            return Err(Fault::Interval);
        }
        while !text.is_empty() {
            if let Some(rest) = text.strip_prefix(['T', 't']) {
                in_time = true;
                text = rest;
            }
            let (number, rest) = split_number(text)?;
            let letter = rest.chars().next().ok_or(Fault::Interval)?;
            self.add(number, Unit::of_letter(letter, in_time).ok_or(Fault::Interval)?)?;
            text = &rest[letter.len_utf8()..];
        }
        Ok(())
    }

    fn add_words(&mut self, text: &str) -> Result<(), Fault> {
        let mut rest = text.strip_prefix('@').unwrap_or(text).trim_start();
        if rest.is_empty() {
            return Err(Fault::Interval);
        }
        while !rest.is_empty() {
            if rest.eq_ignore_ascii_case("ago") {
                (self.months, self.days, self.nanos) = (-self.months, -self.days, -self.nanos);
                return Ok(());
            }
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            if rest[..end].contains(':') {
                self.add_clock(&rest[..end])?;
                rest = rest[end..].trim_start();
                continue;
            }
            let (number, after) = split_number(rest)?;
            let after = after.trim_start();
            let word_end = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
            // A bare number at the end is seconds.
            let unit = if word_end == 0 && after.is_empty() {
                Some(Unit::Nanos(SECOND))
            } else {
                Unit::of_word(&after[..word_end])
            };
            self.add(number, unit.ok_or(Fault::Interval)?)?;
            rest = after[word_end..].trim_start();
        }
        Ok(())
    }

    /// `[±]HH:MM[:SS[.f]]`.
    fn add_clock(&mut self, text: &str) -> Result<(), Fault> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(body) => (true, body),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let mut total = 0_i128;
        let mut parts = body.split(':');
        for unit in [3600 * SECOND, 60 * SECOND, SECOND] {
            let Some(part) = parts.next() else {
                break;
            };
            let (number, rest) = split_number(part)?;
            if !rest.is_empty() || number.negative {
                return Err(Fault::Interval);
            }
            total += number.times(unit);
        }
        if parts.next().is_some() {
            return Err(Fault::Interval);
        }
        self.nanos += if negative { -total } else { total };
        Ok(())
    }

    /// Fractions of months spill into days (30 a month), those of days into the time, as in Postgres.
    fn add(&mut self, number: Number, unit: Unit) -> Result<(), Fault> {
        let sign = if number.negative { -1 } else { 1 };
        match unit {
            Unit::Months(factor) => {
                let scaled = number.times(factor * FRACTION);
                self.months += sign * (scaled / FRACTION);
                let days = scaled % FRACTION * 30;
                self.days += sign * (days / FRACTION);
                self.nanos += sign * (days % FRACTION * DAY / FRACTION);
            }
            Unit::Days(factor) => {
                let scaled = number.times(factor * FRACTION);
                self.days += sign * (scaled / FRACTION);
                self.nanos += sign * (scaled % FRACTION * DAY / FRACTION);
            }
            Unit::Nanos(factor) => self.nanos += sign * number.times(factor),
        }
        if self.nanos.abs() > i128::from(i64::MAX) { Err(Fault::DateRange) } else { Ok(()) }
    }

    fn finish(self) -> Result<IntervalMonthDayNano, Fault> {
        let out = |_error| Fault::DateRange;
        Ok(IntervalMonthDayNano {
            months: i32::try_from(self.months).map_err(out)?,
            days: i32::try_from(self.days).map_err(out)?,
            nanoseconds: i64::try_from(self.nanos).map_err(out)?,
        })
    }
}

/// A decimal number with nine fractional digits.
struct Number {
    negative: bool,
    whole: i128,
    billionths: i128,
}

const FRACTION: i128 = 1_000_000_000;

impl Number {
    fn times(&self, factor: i128) -> i128 {
        self.whole * factor + self.billionths * factor / FRACTION
    }
}

fn split_number(text: &str) -> Result<(Number, &str), Fault> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole_length = digits(body);
    let (whole, mut rest) = body.split_at(whole_length);
    let mut fraction = "";
    if let Some(after) = rest.strip_prefix(['.', ',']) {
        (fraction, rest) = after.split_at(digits(after));
    }
    // Fifteen digits reach beyond every valid interval, and keep the products within 128 bits.
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 15 {
        return Err(Fault::Interval);
    }
    let value = |digits: &str| digits.bytes().fold(0_i128, |value, byte| value * 10 + i128::from(byte - b'0'));
    let mut billionths = value(&fraction[..fraction.len().min(9)]);
    for _ in fraction.len()..9 {
        billionths *= 10;
    }
    Ok((Number { negative, whole: value(whole), billionths }, rest))
}
