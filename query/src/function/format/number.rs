//! Patterns of numbers: `999,990.00`.

use super::super::parse;
use crate::error::{SqlError, SqlState};

/// A number to be shown.
pub(super) struct Number {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: String,
    /// All digits after the point.
    fraction: String,
    /// NaN or infinite.
    special: bool,
}

impl Number {
    /// An unscaled decimal.
    pub(super) fn decimal(value: i128, scale: i8) -> Self {
        let scale = usize::try_from(scale).unwrap_or(0);
        let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        Self::new(value < 0, whole, fraction)
    }

    /// A float.
    pub(super) fn float(value: f64) -> Self {
        if !value.is_finite() {
            return Self { negative: value < 0.0, whole: String::new(), fraction: String::new(), special: true };
        }
        let shown = format!("{}", value.abs());
        let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
        Self::new(value < 0.0, whole, fraction)
    }

    fn new(negative: bool, whole: &str, fraction: &str) -> Self {
        Self {
            negative,
            whole: whole.trim_start_matches('0').to_owned(),
            fraction: fraction.to_owned(),
            special: false,
        }
    }

    /// The number with so many digits after the point, rounded half away from zero.
    fn rounded(&self, places: usize) -> (String, String) {
        let mut digits: Vec<u8> = self.whole.bytes().chain(self.fraction.bytes()).map(|digit| digit - b'0').collect();
        let keep = self.whole.len() + places;
        let up = digits.get(keep).is_some_and(|digit| *digit >= 5);
        digits.resize(keep, 0);
        let mut carry = up;
        for digit in digits.iter_mut().rev() {
            if carry {
                carry = *digit == 9;
                *digit = if carry { 0 } else { *digit + 1 };
            }
        }
        if carry {
            digits.insert(0, 1);
        }
        let shown: String = digits.into_iter().map(|digit| char::from(b'0' + digit)).collect();
        let (whole, fraction) = shown.split_at(shown.len() - places);
        (whole.trim_start_matches('0').to_owned(), fraction.to_owned())
    }
}

/// What a pattern asks for.
#[derive(Default)]
struct Pattern {
    /// `9`, `0`, `,` and `.` in order; other characters stand for themselves.
    body: Vec<char>,
    fill: bool,
    /// `S` before, `S` after, `MI` after, `PL`, `SG`, `PR`.
    sign: Option<&'static str>,
    places: usize,
}

fn pattern(text: &str) -> Pattern {
    let mut found = Pattern { fill: true, ..Pattern::default() };
    let upper = text.to_ascii_uppercase();
    let mut rest = upper.as_str();
    let mut after_point = false;
    while let Some(c) = rest.chars().next() {
        let word = ["FM", "MI", "PR", "PL", "SG"].into_iter().find(|word| rest.starts_with(word));
        if let Some(word) = word {
            match word {
                "FM" => found.fill = false,
                other => found.sign = Some(other),
            }
            rest = &rest[2..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            'S' => found.sign = Some(if found.body.is_empty() { "S" } else { "S-" }),
            'G' => found.body.push(','),
            'D' => {
                after_point = true;
                found.body.push('.');
            }
            '.' => {
                after_point = true;
                found.body.push('.');
            }
            '9' | '0' => {
                found.places += usize::from(after_point);
                found.body.push(c);
            }
            'L' => found.body.push('$'),
            'V' => {}
            '"' => {}
            other => found.body.push(other),
        }
    }
    found
}

/// A number in a pattern, as Postgres's `to_char(numeric, text)`.
pub(super) fn show(number: Number, format: &str) -> String {
    let pattern = pattern(format);
    let (whole, fraction) = number.rounded(pattern.places);
    let point = pattern.body.iter().position(|c| *c == '.').unwrap_or(pattern.body.len());
    let slots = pattern.body[..point].iter().filter(|c| matches!(c, '9' | '0')).count();
    let overflow = whole.len() > slots || number.special;
    let negative = number.negative && !(whole.is_empty() && fraction.bytes().all(|digit| digit == b'0'));
    let mut body = String::new();
    let mut digits = format!("{whole:>slots$}").into_bytes().into_iter();
    let mut decimals = fraction.bytes();
    let mut started = false;
    for (place, c) in pattern.body.iter().enumerate() {
        match c {
            '9' | '0' if place < point => {
                let digit = digits.next().unwrap_or(b' ');
                started |= digit != b' ' || *c == '0';
                body.push(match digit {
                    _ if overflow => '#',
                    b' ' if started => '0',
                    digit => char::from(digit),
                });
            }
            '9' | '0' => body.push(if overflow { '#' } else { decimals.next().map_or('0', char::from) }),
            ',' => body.push(if started { ',' } else { ' ' }),
            '.' => {
                // A zero stands before the point only where the pattern has one.
                started = true;
                body.push('.');
            }
            other => body.push(*other),
        }
    }
    finish(&pattern, body, negative)
}

fn finish(pattern: &Pattern, body: String, negative: bool) -> String {
    let trimmed = if pattern.fill {
        body
    } else {
        let mut body = body.trim_start().to_owned();
        // FM drops zeros that only `9` asked for.
        let zeros_asked = pattern.body.iter().rev().take_while(|c| **c != '.').any(|c| *c == '0');
        if pattern.places > 0 && !zeros_asked {
            body.truncate(body.trim_end_matches('0').len());
        }
        body
    };
    let blanks = trimmed.len() - trimmed.trim_start().len();
    let (lead, digits) = trimmed.split_at(blanks);
    match pattern.sign {
        Some("MI") => format!(
            "{trimmed}{}",
            if negative {
                "-"
            } else if pattern.fill {
                " "
            } else {
                ""
            }
        ),
        Some("S") => format!("{lead}{}{digits}", if negative { '-' } else { '+' }),
        Some("S-") => format!("{trimmed}{}", if negative { '-' } else { '+' }),
        Some("SG") => format!("{}{trimmed}", if negative { '-' } else { '+' }),
        Some("PL") => format!("{lead}{}{digits}", if negative { '-' } else { '+' }),
        Some("PR") if negative => format!("{lead}<{digits}>"),
        Some("PR") => {
            if pattern.fill {
                format!(" {trimmed} ")
            } else {
                trimmed
            }
        }
        _ if negative => format!("{lead}-{digits}"),
        _ if pattern.fill => format!(" {trimmed}"),
        _ => trimmed,
    }
}

/// Reads a number by a pattern: digits, sign and point count, all else is skipped.
pub(super) fn read(text: &str, format: &str) -> Result<(i128, i8), SqlError> {
    let bracketed = format.to_ascii_uppercase().contains("PR") && text.trim().starts_with('<');
    let negative = text.contains('-') || bracketed;
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    if digits.is_empty() || digits == "." {
        return Err(SqlError::new(
            SqlState::InvalidTextRepresentation,
            format!("invalid input syntax for type numeric: \"{text}\""),
        ));
    }
    let (value, scale) = parse::decimal(&digits)?;
    Ok((if negative { -value } else { value }, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_postgres_shows_them() {
        let check = |value: i128, scale: i8, format: &str, expect: &str| {
            assert_eq!(show(Number::decimal(value, scale), format), expect, "{format}");
        };
        check(123_450, 2, "9999.99", " 1234.50");
        check(123_450, 2, "9,999.9", " 1,234.5");
        check(-485, 0, "999", "-485");
        check(485, 0, "0999", " 0485");
        check(12, 2, "FM0.00", "0.12");
        check(12, 2, "0.00", " 0.12");
        check(148, 0, "FM999.99", "148.");
        check(-12, 0, "999MI", " 12-");
        check(12345, 0, "999", " ###");
        check(1, 1, "9.9", "  .1");
        check(485, 0, "S999", "+485");
    }

    #[test]
    fn numbers_are_read() {
        assert_eq!(read("12,454.8-", "99G999D9S").unwrap(), (-124_548, 1));
        assert!(read("abc", "999").is_err());
    }
}
