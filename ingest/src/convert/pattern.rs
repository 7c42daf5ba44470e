//! Redshift's datetime format strings (`YYYY-MM-DD HH24:MI:SS`, `MM/DD/YYYY`), compiled once and matched per field.

use crate::convert::calendar::{Moment, Zone, civil_from_days, days_from_civil, month_of_name};
use crate::error::{Error, Result};
use crate::reject::Fault;

/// A compiled format string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// `YYYY`.
    Year,
    /// `YY`: 70 to 99 are 1970 to 1999.
    ShortYear,
    /// `MM`.
    Month,
    /// `MON` and `MONTH`.
    MonthName,
    /// `DD`.
    Day,
    /// `DDD`: the day of the year.
    YearDay,
    /// `DAY`, `DY`: letters that are skipped.
    Weekday,
    /// `HH24` and `HH`.
    Hour,
    /// `HH12`.
    Hour12,
    /// `MI`.
    Minute,
    /// `SS`, and a fraction where the text has one.
    Second,
    /// `MS`.
    Millis,
    /// `US`.
    Micros,
    /// `AM`, `PM`.
    Meridiem,
    /// `OF`, `TZ`.
    Zone,
    /// One or more blanks.
    Blank,
    /// That byte.
    Literal(u8),
}

/// Spellings, longest first where one begins another.
const WORDS: [(&[u8], Token); 20] = [
    (b"YYYY", Token::Year),
    (b"YY", Token::ShortYear),
    (b"MONTH", Token::MonthName),
    (b"MON", Token::MonthName),
    (b"MM", Token::Month),
    (b"MI", Token::Minute),
    (b"MS", Token::Millis),
    (b"DDD", Token::YearDay),
    (b"DD", Token::Day),
    (b"DAY", Token::Weekday),
    (b"DY", Token::Weekday),
    (b"HH24", Token::Hour),
    (b"HH12", Token::Hour12),
    (b"HH", Token::Hour),
    (b"SS", Token::Second),
    (b"US", Token::Micros),
    (b"AM", Token::Meridiem),
    (b"PM", Token::Meridiem),
    (b"OF", Token::Zone),
    (b"TZ", Token::Zone),
];

impl Pattern {
    /// Compiles a format string. Letters are not told apart by case; text in double quotes stands for itself.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |why: &str| Error::invalid(format!("datetime format \"{text}\" {why}"));
        let mut tokens = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            let word = WORDS
                .iter()
                .find(|(word, _)| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
            if let Some((word, token)) = word {
                tokens.push(*token);
                rest = &rest[word.len()..];
            } else if *first == b'"' {
                let end = after.iter().position(|byte| *byte == b'"').ok_or_else(|| invalid("has an open quote"))?;
                tokens.extend(after[..end].iter().map(|byte| Token::Literal(*byte)));
                rest = &after[end + 1..];
            } else {
                tokens.push(if *first == b' ' { Token::Blank } else { Token::Literal(*first) });
                rest = after;
            }
        }
        let has = |wanted: &[Token]| tokens.iter().any(|token| wanted.contains(token));
        let date = has(&[Token::Year, Token::ShortYear]) && has(&[Token::Month, Token::MonthName, Token::YearDay]);
        let time = has(&[Token::Hour, Token::Hour12]);
        if !date && !time {
            return Err(invalid("names neither a date nor a time"));
        }
        Ok(Self { tokens })
    }

    /// Matches a field from its first to its last byte.
    pub(crate) fn read(&self, field: &[u8], fault: Fault) -> Result<Moment, Fault> {
        let mut reader = Reader { rest: field.trim_ascii(), parts: Parts::default() };
        for (index, token) in self.tokens.iter().enumerate() {
            let fixed = self.tokens.get(index + 1).is_some_and(|next| next.is_number());
            reader.token(*token, fixed).ok_or(fault)?;
        }
        // A zone may follow a time although the format does not mention it (the field may be for a timestamptz).
        if !reader.rest.is_empty() && !self.tokens.contains(&Token::Zone) {
            reader.rest = reader.rest.trim_ascii();
            reader.token(Token::Zone, false).ok_or(fault)?;
        }
        if reader.rest.is_empty() { reader.parts.moment() } else { Err(fault) }
    }
}

impl Token {
    fn is_number(self) -> bool {
        !matches!(self, Self::MonthName | Self::Weekday | Self::Meridiem | Self::Zone | Self::Blank | Self::Literal(_))
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    parts: Parts,
}

struct Parts {
    year: i32,
    month: u32,
    day: u32,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
    twelve: bool,
    afternoon: Option<bool>,
    zone: Option<Zone>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            year: 1970,
            month: 1,
            day: 1,
            year_day: None,
            hour: 0,
            minute: 0,
            second: 0,
            micros: 0,
            twelve: false,
            afternoon: None,
            zone: None,
        }
    }
}

impl Reader<'_> {
    fn token(&mut self, token: Token, fixed: bool) -> Option<()> {
        match token {
            Token::Year => self.parts.year = i32::try_from(self.number(4, fixed)?).ok()?,
            Token::ShortYear => {
                let year = i32::try_from(self.number(2, fixed)?).ok()?;
                self.parts.year = if year < 70 { 2000 + year } else { 1900 + year };
            }
            Token::Month => self.parts.month = self.number(2, fixed)?,
            Token::MonthName => self.parts.month = month_of_name(self.letters())?,
            Token::Day => self.parts.day = self.number(2, fixed)?,
            Token::YearDay => self.parts.year_day = Some(self.number(3, fixed)?),
            Token::Weekday => {
                self.letters();
            }
            Token::Hour => self.parts.hour = self.number(2, fixed)?,
            Token::Hour12 => {
                self.parts.hour = self.number(2, fixed)?;
                self.parts.twelve = true;
            }
            Token::Minute => self.parts.minute = self.number(2, fixed)?,
            Token::Second => {
                self.parts.second = self.number(2, fixed)?;
                self.optional_fraction();
            }
            Token::Millis => self.parts.micros = self.fraction(3)?,
            Token::Micros => self.parts.micros = self.fraction(6)?,
            Token::Meridiem => self.parts.afternoon = Some(self.meridiem()?),
            Token::Zone => self.parts.zone = Some(self.zone()?),
            Token::Blank => {
                let after = self.rest.trim_ascii_start();
                if after.len() == self.rest.len() {
                    return None;
                }
                self.rest = after;
            }
            Token::Literal(byte) => self.rest = self.rest.strip_prefix(&[byte])?,
        }
        Some(())
    }

    /// Up to `width` digits; exactly that many where another number follows at once.
    fn number(&mut self, width: usize, fixed: bool) -> Option<u32> {
        let length = self.rest.iter().take(width).take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 || (fixed && length != width) {
            return None;
        }
        let value = self.rest[..length].iter().fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
        self.rest = &self.rest[length..];
        Some(value)
    }

    fn letters(&mut self) -> &[u8] {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word
    }

    /// `.` and digits after the seconds, if they are there.
    fn optional_fraction(&mut self) {
        if let [b'.', b'0'..=b'9', ..] = self.rest {
            self.rest = &self.rest[1..];
            self.parts.micros = self.fraction(6).unwrap_or(0);
        }
    }

    /// Digits of a fraction in microseconds; digits beyond the sixth are read and dropped.
    fn fraction(&mut self, width: usize) -> Option<u32> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return None;
        }
        let mut value = 0;
        for index in 0..6 {
            let digit =
                if index < length && index < width.max(length) { u32::from(self.rest[index] - b'0') } else { 0 };
            value = value * 10 + digit;
        }
        self.rest = &self.rest[length..];
        Some(value)
    }

    fn meridiem(&mut self) -> Option<bool> {
        let word = self.letters();
        match word.to_ascii_lowercase().as_slice() {
            b"am" => Some(false),
            b"pm" => Some(true),
            _ => None,
        }
    }

    fn zone(&mut self) -> Option<Zone> {
        let length = self.rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        if matches!(text, [b'+' | b'-', ..]) { Zone::offset(text) } else { Zone::named(text) }
    }
}

impl Parts {
    fn moment(self) -> Result<Moment, Fault> {
        let hour = match self.afternoon {
            Some(afternoon) => {
                if self.hour == 0 || self.hour > 12 {
                    return Err(Fault::DateRange);
                }
                self.hour % 12 + if afternoon { 12 } else { 0 }
            }
            None if self.twelve && self.hour > 12 => return Err(Fault::DateRange),
            None => self.hour,
        };
        let time = time_of_day(hour, self.minute, self.second, self.micros)?;
        let (mut month, mut day) = (self.month, self.day);
        if let Some(year_day) = self.year_day {
            let days =
                days_from_civil(self.year, 1, 1) + i32::try_from(year_day).map_err(|_error| Fault::DateRange)? - 1;
            let (year, found_month, found_day) = civil_from_days(i64::from(days));
            if year_day == 0 || year != i64::from(self.year) {
                return Err(Fault::DateRange);
            }
            (month, day) = (found_month, found_day);
        }
        let moment = Moment { year: self.year, month, day, time, zone: self.zone };
        moment.days()?;
        Ok(moment)
    }
}

/// Microseconds since midnight; second 60 is the first of the next minute, and 24:00:00 the end of the day.
pub(crate) fn time_of_day(hour: u32, minute: u32, second: u32, micros: u32) -> Result<i64, Fault> {
    let past_midnight = hour == 24 && (minute > 0 || second > 0 || micros > 0);
    if hour > 24 || minute > 59 || second > 60 || past_midnight {
        return Err(Fault::DateRange);
    }
    Ok((i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * 1_000_000 + i64::from(micros))
}
