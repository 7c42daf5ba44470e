//! Patterns of dates and times: `YYYY-MM-DD HH24:MI:SS`.

use arrow::datatypes::IntervalMonthDayNano;

use super::super::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use super::super::parse::month_of;
use crate::error::{SqlError, SqlState};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// The keywords, longest first where one begins another.
const KEYWORDS: &[&str] = &[
    "SSSSS", "SSSS", "Y,YYY", "IYYY", "YYYY", "HH24", "HH12", "MONTH", "IYY", "YYY", "IDDD", "DDD", "A.M.", "P.M.",
    "B.C.", "A.D.", "DAY", "MON", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "TZH", "TZM", "IY", "YY", "HH", "MI", "SS",
    "MS", "US", "MM", "DD", "DY", "ID", "IW", "WW", "CC", "RM", "AM", "PM", "BC", "AD", "TZ", "OF", "I", "Y", "D", "W",
    "Q", "J",
];

/// How the suffix of an ordinal number is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ordinal {
    Lower,
    Upper,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// A keyword, how it was spelt, whether FM is before it and TH after it.
    Key {
        key: &'static str,
        spelt: String,
        fill: bool,
        ordinal: Option<Ordinal>,
    },
    Text(String),
}

/// A parsed pattern.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

/// What was read by a pattern.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    /// Microseconds since 1970 on the local clock.
    pub(super) local: i64,
    /// Zone, seconds east of UTC.
    pub(super) offset: Option<i64>,
}

impl Template {
    pub(super) fn new(pattern: &str) -> Self {
        let mut pieces = vec![];
        let mut rest = pattern;
        let mut fill = true;
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let end = quoted.find('"').unwrap_or(quoted.len());
                push_text(&mut pieces, &quoted[..end]);
                rest = quoted.get(end + 1..).unwrap_or("");
                continue;
            }
            if starts_with(rest, "FM") {
                fill = false;
                rest = &rest[2..];
                continue;
            }
            if starts_with(rest, "FX") || starts_with(rest, "TM") {
                rest = &rest[2..];
                continue;
            }
            let Some(key) = KEYWORDS.iter().find(|key| starts_with(rest, key)) else {
                let end = rest.chars().next().map_or(1, char::len_utf8);
                push_text(&mut pieces, &rest[..end]);
                rest = &rest[end..];
                continue;
            };
            let spelt = rest[..key.len()].to_owned();
            rest = &rest[key.len()..];
            let ordinal =
                starts_with(rest, "TH").then(|| if rest.starts_with('t') { Ordinal::Lower } else { Ordinal::Upper });
            if ordinal.is_some() {
                rest = &rest[2..];
            }
            pieces.push(Piece::Key { key, spelt, fill, ordinal });
            fill = true;
        }
        Self { pieces }
    }

    /// A local moment in this pattern.
    pub(super) fn show(&self, local: i64, offset: i64, zone: &str) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Key { key, spelt, fill, ordinal } => {
                    let shown = field(key, spelt, *fill, local, offset, zone);
                    out.push_str(&shown);
                    if let Some(ordinal) = ordinal {
                        out.push_str(suffix(&shown, *ordinal == Ordinal::Lower));
                    }
                }
            }
        }
        out
    }

    /// An interval: its hours are all of its hours, its months those beyond years.
    pub(super) fn show_interval(&self, value: IntervalMonthDayNano) -> String {
        let micros = value.nanoseconds / 1000;
        let two = |value: i64, fill: bool| if fill { format!("{value:02}") } else { value.to_string() };
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Key { key, fill, .. } => out.push_str(&match *key {
                    "YYYY" | "YYY" | "YY" | "Y" => format!("{:04}", value.months / 12),
                    "MM" => two(i64::from(value.months % 12), *fill),
                    "DD" | "DDD" => two(i64::from(value.days), *fill),
                    "HH24" => two(micros / HOUR, *fill),
                    "HH" | "HH12" => two((micros / HOUR + 11).rem_euclid(12) + 1, *fill),
                    "MI" => two(micros / MINUTE % 60, *fill),
                    "SS" => two(micros / SECOND % 60, *fill),
                    "MS" => format!("{:03}", micros % SECOND / 1000),
                    "US" => format!("{:06}", micros % SECOND),
                    _ => String::new(),
                }),
            }
        }
        out
    }

    /// Reads a text.
    pub(super) fn read(&self, text: &str) -> Result<Read, SqlError> {
        let mut reader = Reader { rest: text, text, ..Reader::default() };
        for (place, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text(expected) => reader.skip(expected),
                Piece::Key { key, .. } => {
                    // Without a separator before the next field, a field takes only its own digits.
                    let tight = matches!(self.pieces.get(place + 1), Some(Piece::Key { .. }));
                    reader.field(key, tight)?;
                }
            }
            if reader.rest.is_empty() {
                break;
            }
        }
        reader.finish()
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        last.push_str(text);
    } else {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn suffix(number: &str, lower: bool) -> &'static str {
    let digits = number.trim();
    let teens = digits.len() > 1 && digits.as_bytes()[digits.len() - 2] == b'1';
    let index = match digits.chars().last() {
        Some('1') if !teens => 0,
        Some('2') if !teens => 1,
        Some('3') if !teens => 2,
        _ => 3,
    };
    if lower { ["st", "nd", "rd", "th"][index] } else { ["ST", "ND", "RD", "TH"][index] }
}

/// A name in the case of its keyword: `MONTH`, `Month`, `month`.
fn cased(name: &str, spelt: &str) -> String {
    let mut letters = spelt.chars();
    match (letters.next(), letters.next()) {
        (Some(first), _) if first.is_lowercase() => name.to_lowercase(),
        (_, Some(second)) if second.is_lowercase() => name.to_owned(),
        _ => name.to_uppercase(),
    }
}

fn field(key: &str, spelt: &str, fill: bool, local: i64, offset: i64, zone: &str) -> String {
    let (days, time) = calendar::split(local);
    let date = calendar::date_of(days);
    let year = if date.year > 0 { date.year } else { 1 - date.year };
    let number = |value: i64, width: usize| if fill { format!("{value:0width$}") } else { value.to_string() };
    let (hour, micros) = (time / HOUR, time % SECOND);
    let weekday = usize::try_from(calendar::weekday(days)).unwrap_or(0);
    let month = usize::try_from(date.month - 1).unwrap_or(0);
    let padded = |name: String, width: usize| if fill { format!("{name:<width$}") } else { name };
    match key {
        "Y,YYY" => format!("{},{:03}", year / 1000, year % 1000),
        "YYYY" => number(year.into(), 4),
        "YYY" => number((year % 1000).into(), 3),
        "YY" => number((year % 100).into(), 2),
        "Y" => number((year % 10).into(), 1),
        "IYYY" => number(calendar::iso_week(days).0.into(), 4),
        "IYY" => number((calendar::iso_week(days).0 % 1000).into(), 3),
        "IY" => number((calendar::iso_week(days).0 % 100).into(), 2),
        "I" => number((calendar::iso_week(days).0 % 10).into(), 1),
        "CC" => number(i64::from((year + 99) / 100), 2),
        "Q" => number((month / 3 + 1).try_into().unwrap_or(1), 1),
        "MM" => number(date.month.into(), 2),
        "MONTH" => padded(cased(MONTHS[month], spelt), 9),
        "MON" => cased(&MONTHS[month][..3], spelt),
        "RM" => padded(cased(ROMAN[month], spelt), 4),
        "DDD" => number(calendar::day_of_year(days).into(), 3),
        "IDDD" => number(i64::from((calendar::iso_week(days).1 - 1) * 7 + (calendar::weekday(days) + 6) % 7 + 1), 3),
        "DD" => number(date.day.into(), 2),
        "D" => number(i64::from(calendar::weekday(days)) + 1, 1),
        "ID" => number(i64::from((calendar::weekday(days) + 6) % 7 + 1), 1),
        "DAY" => padded(cased(DAYS[weekday], spelt), 9),
        "DY" => cased(&DAYS[weekday][..3], spelt),
        "W" => number(i64::from((date.day - 1) / 7 + 1), 1),
        "WW" => number(i64::from((calendar::day_of_year(days) - 1) / 7 + 1), 2),
        "IW" => number(calendar::iso_week(days).1.into(), 2),
        "J" => (i64::from(days) + 2_440_588).to_string(),
        "HH24" => number(hour, 2),
        "HH" | "HH12" => number((hour + 11) % 12 + 1, 2),
        "MI" => number(time / MINUTE % 60, 2),
        "SS" => number(time / SECOND % 60, 2),
        "SSSS" | "SSSSS" => (time / SECOND).to_string(),
        "MS" => format!("{:03}", micros / 1000),
        "US" => format!("{micros:06}"),
        "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
            let digits = usize::from(key.as_bytes()[2] - b'0');
            format!("{micros:06}")[..digits].to_owned()
        }
        "AM" | "PM" => cased(if hour < 12 { "AM" } else { "PM" }, spelt),
        "A.M." | "P.M." => cased(if hour < 12 { "A.M." } else { "P.M." }, spelt),
        "BC" | "AD" => cased(if date.year > 0 { "AD" } else { "BC" }, spelt),
        "B.C." | "A.D." => cased(if date.year > 0 { "A.D." } else { "B.C." }, spelt),
        "TZ" => cased(zone, spelt),
        "TZH" => format!("{}{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 3600),
        "TZM" => format!("{:02}", offset.abs() % 3600 / 60),
        "OF" => {
            let minutes = offset.abs() % 3600 / 60;
            let sign = if offset < 0 { '-' } else { '+' };
            let hours = offset.abs() / 3600;
            if minutes == 0 { format!("{sign}{hours:02}") } else { format!("{sign}{hours:02}:{minutes:02}") }
        }
        _ => String::new(),
    }
}

/// The fields found so far.
#[derive(Default)]
struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    julian: Option<i64>,
    hour: i64,
    half: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    bc: bool,
    offset: Option<i64>,
}

impl Reader<'_> {
    fn wrong(&self, what: &str) -> SqlError {
        SqlError::new(
            SqlState::InvalidDatetimeFormat,
            format!("invalid value \"{}\" for \"{what}\"", self.rest.split(' ').next().unwrap_or_default()),
        )
    }

    /// Separators match any separators.
    fn skip(&mut self, expected: &str) {
        for c in expected.chars() {
            let separator = |c: char| !c.is_ascii_alphanumeric();
            if c.is_whitespace() {
                self.rest = self.rest.trim_start();
            } else if self.rest.starts_with(c) || (separator(c) && self.rest.starts_with(separator)) {
                self.rest = &self.rest[self.rest.chars().next().map_or(0, char::len_utf8)..];
            }
        }
    }

    fn number(&mut self, key: &str, width: usize, tight: bool) -> Result<i64, SqlError> {
        self.rest = self.rest.trim_start();
        let most = if tight { width } else { width.max(9) };
        let end = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let value = self.rest[..end].parse().map_err(|_error| self.wrong(key))?;
        self.rest = &self.rest[end..];
        Ok(value)
    }

    fn word(&mut self, key: &str, names: &[&str]) -> Result<usize, SqlError> {
        self.rest = self.rest.trim_start();
        let found = names.iter().position(|name| starts_with(self.rest, name)).ok_or_else(|| self.wrong(key))?;
        self.rest = &self.rest[names[found].len()..];
        Ok(found)
    }

    fn fraction(&mut self, key: &str, digits: usize) -> Result<(), SqlError> {
        let end = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let mut shown: String = self.rest[..end].chars().take(6).collect();
        if shown.is_empty() {
            return Err(self.wrong(key));
        }
        // MS of `5` is 5 tenths, as in Postgres.
        while shown.len() < 6 {
            shown.push('0');
        }
        let _digits = digits;
        self.micros = shown.parse().map_err(|_error| self.wrong(key))?;
        self.rest = &self.rest[end..];
        Ok(())
    }

    fn field(&mut self, key: &str, tight: bool) -> Result<(), SqlError> {
        match key {
            "YYYY" | "IYYY" | "Y,YYY" => self.year = Some(self.number(key, 4, tight)?),
            "YYY" | "YY" | "Y" | "IYY" | "IY" | "I" => {
                let value = self.number(key, key.len(), tight)?;
                self.year = Some(if value < 70 {
                    value + 2000
                } else if value < 100 {
                    value + 1900
                } else {
                    value
                });
            }
            "MM" => self.month = Some(self.number(key, 2, tight)?),
            "MONTH" => self.month = Some(i64::try_from(self.word(key, &MONTHS)? + 1).unwrap_or(1)),
            "MON" => {
                self.rest = self.rest.trim_start();
                let month = self.rest.get(..3).and_then(month_of).ok_or_else(|| self.wrong(key))?;
                self.rest = &self.rest[3..];
                self.month = Some(month.into());
            }
            "DD" => self.day = Some(self.number(key, 2, tight)?),
            "DDD" => self.day_of_year = Some(self.number(key, 3, tight)?),
            "J" => self.julian = Some(self.number(key, 9, tight)?),
            "DAY" => drop(self.word(key, &DAYS)?),
            "DY" => self.rest = self.rest.get(3..).unwrap_or(""),
            "D" | "ID" | "Q" | "W" => drop(self.number(key, 1, tight)?),
            "WW" | "IW" | "CC" => drop(self.number(key, 2, tight)?),
            "HH24" => self.hour = self.number(key, 2, tight)?,
            "HH" | "HH12" => self.hour = self.number(key, 2, tight)?,
            "MI" => self.minute = self.number(key, 2, tight)?,
            "SS" => self.second = self.number(key, 2, tight)?,
            "SSSS" | "SSSSS" => {
                let seconds = self.number(key, 5, tight)?;
                (self.hour, self.minute, self.second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            }
            "MS" => self.fraction(key, 3)?,
            "US" | "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => self.fraction(key, 6)?,
            "AM" | "PM" => self.half = Some(self.word(key, &["AM", "PM"])? == 1),
            "A.M." | "P.M." => self.half = Some(self.word(key, &["A.M.", "P.M."])? == 1),
            "BC" | "AD" => self.bc = self.word(key, &["AD", "BC"])? == 1,
            "B.C." | "A.D." => self.bc = self.word(key, &["A.D.", "B.C."])? == 1,
            "TZ" | "OF" | "TZH" => {
                let end = self.rest.find(' ').unwrap_or(self.rest.len());
                match super::super::parse::zone(&self.rest[..end]) {
                    Some(super::super::parse::Zone::Offset(offset)) => self.offset = Some(offset),
                    _ => return Err(self.wrong(key)),
                }
                self.rest = &self.rest[end..];
            }
            _ => {
                return Err(SqlError::unsupported(format!("the pattern \"{key}\" for reading")));
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<Read, SqlError> {
        let range = || {
            SqlError::new(
                SqlState::DatetimeFieldOverflow,
                format!("date/time field value out of range: \"{}\"", self.text),
            )
        };
        let unsigned = |value: i64| u32::try_from(value).map_err(|_error| range());
        let year = i32::try_from(self.year.unwrap_or(1)).map_err(|_error| range())?;
        let year = if self.bc { 1 - year } else { year };
        let days = if let Some(julian) = self.julian {
            i32::try_from(julian - 2_440_588).map_err(|_error| range())?
        } else if let Some(nth) = self.day_of_year {
            let first = calendar::days_of(year, 1, 1).ok_or_else(range)?;
            first.checked_add(i32::try_from(nth - 1).map_err(|_error| range())?).ok_or_else(range)?
        } else {
            let (month, day) = (unsigned(self.month.unwrap_or(1))?, unsigned(self.day.unwrap_or(1))?);
            calendar::days_of(year, month, day).ok_or_else(range)?
        };
        let hour = match self.half {
            Some(afternoon) if self.hour <= 12 => self.hour % 12 + if afternoon { 12 } else { 0 },
            _ => self.hour,
        };
        let time = hour * HOUR + self.minute * MINUTE + self.second * SECOND + self.micros;
        if hour > 24 || self.minute > 59 || self.second > 60 || time > DAY {
            return Err(range());
        }
        Ok(Read { local: calendar::join(days, time).ok_or_else(range)?, offset: self.offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, pattern: &str) -> String {
        let micros = super::super::super::parse::timestamp(text, 0).unwrap();
        Template::new(pattern).show(micros, 0, "UTC")
    }

    #[test]
    fn moments_are_shown_as_postgres_shows_them() {
        let check =
            |pattern: &str, expect: &str| assert_eq!(shown("2024-03-05 13:04:09.25", pattern), expect, "{pattern}");
        check("YYYY-MM-DD HH24:MI:SS.MS", "2024-03-05 13:04:09.250");
        check("FMMonth FMDDth, YYYY", "March 5th, 2024");
        check("Month", "March    ");
        check("HH12:MI AM", "01:04 PM");
        check("Dy DD-Mon-YY", "Tue 05-Mar-24");
        check("\"Week\" IW", "Week 10");
        check("Q", "1");
    }

    #[test]
    fn moments_are_read_back() {
        let check = |text: &str, pattern: &str, expect: &str| {
            let read = Template::new(pattern).read(text).unwrap();
            assert_eq!(calendar::show_timestamp(read.local), expect, "{pattern}");
        };
        check("05 Mar 2024", "DD Mon YYYY", "2024-03-05 00:00:00");
        check("20240305", "YYYYMMDD", "2024-03-05 00:00:00");
        check("2024/03/05 01:04 PM", "YYYY-MM-DD HH12:MI AM", "2024-03-05 13:04:00");
        assert!(Template::new("YYYY-MM-DD").read("2024-13-01").is_err());
    }
}
