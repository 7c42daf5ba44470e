//! Text to integers, decimals, floats and booleans: strict and exact.

use crate::options::Rounding;
use crate::reject::Fault;

/// Powers of ten that fit 64 bits.
const POW10: [u64; 20] = {
    let mut table = [1_u64; 20];
    let mut index = 1;
    while index < 20 {
        table[index] = table[index - 1] * 10;
        index += 1;
    }
    table
};

/// Powers of ten that fit 128 bits.
const POW10_WIDE: [i128; 39] = {
    let mut table = [1_i128; 39];
    let mut index = 1;
    while index < 39 {
        table[index] = table[index - 1] * 10;
        index += 1;
    }
    table
};

/// Drops blanks on both sides, and says how many were in front.
pub(crate) fn trimmed(field: &[u8]) -> (&[u8], u32) {
    let text = field.trim_ascii_start();
    let before = field.len() - text.len();
    (text.trim_ascii_end(), u32::try_from(before).unwrap_or(u32::MAX))
}

/// Reads an integer: blanks around it, a sign, digits.
pub fn parse_integer(field: &[u8]) -> Result<i64, Fault> {
    let negative = field.first() == Some(&b'-');
    let digits = if negative { &field[1..] } else { field };
    // Up to 18 digits cannot overflow: the usual case is one tight loop.
    if digits.is_empty() || digits.len() > 18 {
        return parse_integer_slow(field);
    }
    let mut value = 0_i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return parse_integer_slow(field);
        }
        value = value * 10 + i64::from(digit);
    }
    Ok(if negative { -value } else { value })
}

#[cold]
fn parse_integer_slow(field: &[u8]) -> Result<i64, Fault> {
    let (text, before) = trimmed(field);
    let (negative, digits) = sign(text);
    let mut at = before + u32::try_from(text.len() - digits.len()).unwrap_or(u32::MAX);
    if digits.is_empty() {
        return Err(Fault::Digit(at));
    }
    let mut value = 0_i64;
    let mut overflow = false;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Fault::Digit(at));
        }
        at = at.saturating_add(1);
        // Negative throughout, because the range has one more value on that side.
        match value.checked_mul(10).and_then(|value| value.checked_sub(i64::from(digit))) {
            Some(next) => value = next,
            None => overflow = true,
        }
    }
    match (overflow, negative) {
        (true, _) => Err(Fault::Overflow),
        (false, true) => Ok(value),
        (false, false) => value.checked_neg().ok_or(Fault::Overflow),
    }
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// A decimal column's shape, with what its conversion needs worked out once.
#[derive(Debug, Clone, Copy)]
pub struct DecimalShape {
    scale: u8,
    rounding: Rounding,
    /// 10^precision: magnitudes from here on do not fit.
    bound: i128,
}

impl DecimalShape {
    /// The shape of `decimal(precision, scale)`; precision is at most 38.
    pub fn new(precision: u8, scale: u8, rounding: Rounding) -> Self {
        Self { scale, rounding, bound: POW10_WIDE[usize::from(precision.min(38))] }
    }

    /// Reads a number that fits 64 bits when unscaled (precision at most 18).
    pub fn parse_short(&self, field: &[u8]) -> Result<i64, Fault> {
        if let Some(value) = self.parse_fast(field) {
            return Ok(value);
        }
        let value = self.parse_wide(field)?;
        i64::try_from(value).map_err(|_error| Fault::Overflow)
    }

    /// The usual case: at most 18 digits, at most `scale` of them after the point, nothing else.
    fn parse_fast(&self, field: &[u8]) -> Option<i64> {
        let negative = field.first() == Some(&b'-');
        let body = if negative { &field[1..] } else { field };
        if body.is_empty() || body.len() > 18 {
            return None;
        }
        let mut value = 0_u64;
        let mut point = body.len();
        for (index, &byte) in body.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 {
                value = value * 10 + u64::from(digit);
            } else if byte == b'.' && point == body.len() && body.len() > 1 {
                point = index;
            } else {
                return None;
            }
        }
        let fraction = body.len().saturating_sub(point + 1);
        let missing = usize::from(self.scale).checked_sub(fraction)?;
        let scaled = value.checked_mul(*POW10.get(missing)?)?;
        if i128::from(scaled) >= self.bound {
            return None;
        }
        let scaled = i64::try_from(scaled).ok()?;
        Some(if negative { -scaled } else { scaled })
    }

    /// Reads any number: sign, digits, point, exponent.
    pub fn parse_wide(&self, field: &[u8]) -> Result<i128, Fault> {
        let number = Number::read(field)?;
        let value = number.scaled(self.scale, self.rounding)?;
        if value >= self.bound || value <= -self.bound { Err(Fault::Overflow) } else { Ok(value) }
    }
}

/// A number taken apart: `±digits × 10^exponent`, where digits are those before and after the point.
struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i32,
}

impl<'a> Number<'a> {
    fn read(field: &'a [u8]) -> Result<Self, Fault> {
        let (text, before) = trimmed(field);
        let (negative, body) = sign(text);
        let start = before + u32::try_from(text.len() - body.len()).unwrap_or(u32::MAX);
        let at = |index: usize| Fault::Digit(start.saturating_add(u32::try_from(index).unwrap_or(u32::MAX)));
        let whole_end = digits_end(body, 0);
        let (fraction_start, fraction_end) = match body.get(whole_end) {
            Some(b'.') => (whole_end + 1, digits_end(body, whole_end + 1)),
            _ => (whole_end, whole_end),
        };
        if whole_end == 0 && fraction_start == fraction_end {
            return Err(at(0));
        }
        let exponent = match body.get(fraction_end) {
            None => 0,
            Some(b'e' | b'E') => exponent(&body[fraction_end + 1..]).ok_or_else(|| at(fraction_end))?,
            Some(_) => return Err(at(fraction_end)),
        };
        Ok(Self { negative, whole: &body[..whole_end], fraction: &body[fraction_start..fraction_end], exponent })
    }

    /// The value times 10^scale.
    fn scaled(&self, scale: u8, rounding: Rounding) -> Result<i128, Fault> {
        // Digits up to `kept` count; the one after decides the rounding. Leading zeros do not count towards overflow.
        let kept = i64::try_from(self.whole.len()).unwrap_or(i64::MAX) + i64::from(self.exponent) + i64::from(scale);
        let total = i64::try_from(self.whole.len() + self.fraction.len()).unwrap_or(i64::MAX);
        let mut value = 0_i128;
        let mut rest_is_zero = true;
        let mut round_up = false;
        for (index, &byte) in self.whole.iter().chain(self.fraction).enumerate() {
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            let digit = byte - b'0';
            if index < kept {
                value = push_digit(value, digit)?;
            } else {
                round_up |= index == kept && digit >= 5;
                rest_is_zero &= digit == 0;
            }
        }
        for _ in total..kept {
            if value == 0 {
                break;
            }
            value = push_digit(value, 0)?;
        }
        match rounding {
            Rounding::Reject if !rest_is_zero => return Err(Fault::Inexact),
            Rounding::HalfAway if round_up => value += 1,
            Rounding::Truncate | Rounding::HalfAway | Rounding::Reject => {}
        }
        Ok(if self.negative { -value } else { value })
    }
}

fn push_digit(value: i128, digit: u8) -> Result<i128, Fault> {
    value.checked_mul(10).and_then(|value| value.checked_add(i128::from(digit))).ok_or(Fault::Overflow)
}

fn digits_end(text: &[u8], start: usize) -> usize {
    text[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(text.len(), |length| start + length)
}

/// The exponent's digits; far out values are cut to a number that still over- or underflows.
fn exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_i32, |value, byte| (value * 10 + i32::from(byte - b'0')).min(100_000));
    Some(if negative { -value } else { value })
}

/// Reads a double: decimal or exponent form, `NaN`, `Infinity`, `inf`.
pub fn parse_double(field: &[u8]) -> Result<f64, Fault> {
    let text = float_text(field)?;
    let value: f64 = text.parse().map_err(|_error| Fault::Float)?;
    check_float(text, value.is_infinite(), value == 0.0)?;
    Ok(value)
}

/// Reads a single-precision float.
pub fn parse_real(field: &[u8]) -> Result<f32, Fault> {
    let text = float_text(field)?;
    let value: f32 = text.parse().map_err(|_error| Fault::Float)?;
    check_float(text, value.is_infinite(), value == 0.0)?;
    Ok(value)
}

fn float_text(field: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(trimmed(field).0).map_err(|_error| Fault::Float)
}

/// A number that is finite as written must not become infinite, nor one that is not zero become zero.
fn check_float(text: &str, infinite: bool, zero: bool) -> Result<(), Fault> {
    let spelled_infinite = || !text.bytes().any(|byte| byte.is_ascii_digit());
    let spelled_zero =
        || text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).all(|byte| !(b'1'..=b'9').contains(&byte));
    if (infinite && !spelled_infinite()) || (zero && !spelled_zero()) { Err(Fault::Overflow) } else { Ok(()) }
}

/// Reads a boolean: any unambiguous beginning of true, false, yes, no, on, off, and 1 and 0.
pub fn parse_boolean(field: &[u8]) -> Result<bool, Fault> {
    let (text, _) = trimmed(field);
    let mut lower = [0_u8; 5];
    let Some(lower) = lower.get_mut(..text.len()) else {
        return Err(Fault::Boolean);
    };
    lower.copy_from_slice(text);
    lower.make_ascii_lowercase();
    let lower: &[u8] = lower;
    if lower.is_empty() {
        return Err(Fault::Boolean);
    }
    // "o" alone could be on or off.
    if b"true".starts_with(lower) || b"yes".starts_with(lower) || matches!(lower, b"on" | b"1") {
        Ok(true)
    } else if b"false".starts_with(lower) || b"no".starts_with(lower) || matches!(lower, b"of" | b"off" | b"0") {
        Ok(false)
    } else {
        Err(Fault::Boolean)
    }
}

/// Reads a byte string: `\x` and hex digits; bare hex digits where `bare` (Redshift's VARBYTE); else Postgres's escape
/// form, where `\\` is a backslash and `\ooo` an octal byte.
pub fn parse_bytes(field: &[u8], bare: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    match field {
        [b'\\', b'x' | b'X', digits @ ..] => parse_hex(digits, 2, out),
        _ if bare => parse_hex(field, 0, out),
        _ => parse_escaped_bytes(field, out),
    }
}

fn parse_hex(digits: &[u8], offset: u32, out: &mut Vec<u8>) -> Result<(), Fault> {
    let place = |index: usize| Fault::Hex(offset + u32::try_from(index).unwrap_or(u32::MAX - offset));
    if digits.len() % 2 == 1 {
        return Err(place(digits.len()));
    }
    for (index, pair) in digits.chunks_exact(2).enumerate() {
        let high = hex_digit(pair[0]).ok_or_else(|| place(index * 2))?;
        let low = hex_digit(pair[1]).ok_or_else(|| place(index * 2 + 1))?;
        out.push(high << 4 | low);
    }
    Ok(())
}

/// The value of a hex digit.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn parse_escaped_bytes(field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut index = 0;
    while let Some(&byte) = field.get(index) {
        if byte != b'\\' {
            out.push(byte);
            index += 1;
            continue;
        }
        match field.get(index + 1..) {
            Some([b'\\', ..]) => {
                out.push(b'\\');
                index += 2;
            }
            Some([a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                index += 4;
            }
            _ => return Err(Fault::Hex(u32::try_from(index).unwrap_or(u32::MAX))),
        }
    }
    Ok(())
}
