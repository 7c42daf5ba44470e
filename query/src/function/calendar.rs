//! The calendar: days and microseconds since 1970 to years, months, days and back. Proleptic Gregorian, as in Postgres.

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;
/// Microseconds of an hour.
pub(crate) const HOUR: i64 = 3_600_000_000;
/// Microseconds of a minute.
pub(crate) const MINUTE: i64 = 60_000_000;
/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;

/// A date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    /// Year; 0 is 1 BC.
    pub(crate) year: i32,
    /// 1 to 12.
    pub(crate) month: u32,
    /// 1 to 31.
    pub(crate) day: u32,
}

/// The date of a day (Howard Hinnant's algorithm).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each value is bounded by the algorithm")]
pub(crate) fn date_of(days: i32) -> Date {
    let shifted = i64::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    let year = (year_of_era + era * 400 + i64::from(month <= 2)) as i32;
    Date { year, month, day }
}

/// The day of a date; `None` when it is no date or out of range.
pub(crate) fn days_of(year: i32, month: u32, day: u32) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

/// Whether a year has a 29 February.
pub(crate) fn is_leap(year: i32) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// Days of a month.
pub(crate) fn days_in(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// A day that is `months` later, at the end of a shorter month where needed.
pub(crate) fn add_months(days: i32, months: i64) -> Option<i32> {
    let date = date_of(days);
    let total = i64::from(date.year).checked_mul(12)?.checked_add(i64::from(date.month) - 1)?.checked_add(months)?;
    let year = i32::try_from(total.div_euclid(12)).ok()?;
    let month = u32::try_from(total.rem_euclid(12) + 1).ok()?;
    days_of(year, month, date.day.min(days_in(year, month)))
}

/// Day and microseconds of the day.
pub(crate) fn split(micros: i64) -> (i32, i64) {
    let days = i32::try_from(micros.div_euclid(DAY)).unwrap_or(if micros < 0 { i32::MIN } else { i32::MAX });
    (days, micros.rem_euclid(DAY))
}

/// Microseconds since 1970 of a day's time.
pub(crate) fn join(days: i32, micros: i64) -> Option<i64> {
    i64::from(days).checked_mul(DAY)?.checked_add(micros)
}

/// Day of the week, Sunday 0.
pub(crate) fn weekday(days: i32) -> i32 {
    days.rem_euclid(7).wrapping_add(4) % 7
}

/// Day of the year, from 1.
pub(crate) fn day_of_year(days: i32) -> i32 {
    let date = date_of(days);
    days_of(date.year, 1, 1).map_or(1, |first| days - first + 1)
}

/// ISO 8601 year and week.
pub(crate) fn iso_week(days: i32) -> (i32, i32) {
    // The Thursday of the same week decides.
    let thursday = days - (weekday(days) + 6) % 7 + 3;
    (date_of(thursday).year, (day_of_year(thursday) - 1) / 7 + 1)
}

/// `YYYY-MM-DD`, with ` BC` before the year 1.
pub(crate) fn show_date(days: i32) -> String {
    let date = date_of(days);
    if date.year <= 0 {
        return format!("{:04}-{:02}-{:02} BC", 1 - date.year, date.month, date.day);
    }
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

/// `HH:MM:SS[.ffffff]` without trailing zeros.
pub(crate) fn show_time(micros: i64) -> String {
    let (hours, rest) = (micros / HOUR, micros % HOUR);
    let (minutes, rest) = (rest / MINUTE, rest % MINUTE);
    let (seconds, fraction) = (rest / SECOND, rest % SECOND);
    if fraction == 0 {
        return format!("{hours:02}:{minutes:02}:{seconds:02}");
    }
    let digits = format!("{fraction:06}");
    format!("{hours:02}:{minutes:02}:{seconds:02}.{}", digits.trim_end_matches('0'))
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]`.
pub(crate) fn show_timestamp(micros: i64) -> String {
    let (days, time) = split(micros);
    let date = date_of(days);
    if date.year <= 0 {
        return format!("{:04}-{:02}-{:02} {} BC", 1 - date.year, date.month, date.day, show_time(time));
    }
    format!("{} {}", show_date(days), show_time(time))
}

/// Offset of a zone at a moment, in seconds east of UTC.
pub(crate) fn offset_at(zone: chrono_tz::Tz, micros: i64) -> i64 {
    use chrono::{Offset, TimeZone};
    let moment = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&moment).fix().local_minus_utc())
}

/// The local wall clock of a moment.
pub(crate) fn to_local(zone: chrono_tz::Tz, micros: i64) -> i64 {
    micros.saturating_add(offset_at(zone, micros) * SECOND)
}

/// The moment of a local wall clock; of two, the first; within a gap, as if the clock had not changed.
pub(crate) fn from_local(zone: chrono_tz::Tz, local: i64) -> i64 {
    let guess = local.saturating_sub(offset_at(zone, local) * SECOND);
    let moment = local.saturating_sub(offset_at(zone, guess) * SECOND);
    let earlier = local.saturating_sub(offset_at(zone, moment.saturating_sub(HOUR)) * SECOND);
    if earlier < moment && to_local(zone, earlier) == local { earlier } else { moment }
}

/// `YYYY-MM-DD HH:MM:SS[.f]+HH[:MM]` in a zone.
pub(crate) fn show_timestamptz(zone: chrono_tz::Tz, micros: i64) -> String {
    let offset = offset_at(zone, micros);
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() % 3600 / 60);
    let local = show_timestamp(micros.saturating_add(offset * SECOND));
    if minutes == 0 { format!("{local}{sign}{hours:02}") } else { format!("{local}{sign}{hours:02}:{minutes:02}") }
}

/// Months, days and microseconds as Postgres shows an interval: `1 year 2 mons 3 days 04:05:06`.
pub(crate) fn show_interval(months: i64, days: i64, micros: i64) -> String {
    let mut parts: Vec<String> = vec![];
    let mut unit = |value: i64, one: &str, many: &str| {
        if value != 0 {
            let sign = if value > 0 && parts.last().is_some_and(|part| part.starts_with('-')) { "+" } else { "" };
            parts.push(format!("{sign}{value} {}", if value == 1 { one } else { many }));
        }
    };
    unit(months / 12, "year", "years");
    unit(months % 12, "mon", "mons");
    unit(days, "day", "days");
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 {
            "-"
        } else if parts.last().is_some_and(|part| part.starts_with('-')) {
            "+"
        } else {
            ""
        };
        parts.push(format!("{sign}{}", show_time(micros.saturating_abs())));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for days in (-800_000..800_000).step_by(97) {
            let date = date_of(days);
            assert_eq!(days_of(date.year, date.month, date.day), Some(days));
        }
        assert_eq!(date_of(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(days_of(2023, 2, 29), None);
    }

    #[test]
    fn weeks_follow_iso() {
        assert_eq!(iso_week(days_of(2021, 1, 3).unwrap()), (2020, 53));
        assert_eq!(iso_week(days_of(2024, 12, 30).unwrap()), (2025, 1));
        assert_eq!(weekday(days_of(2026, 11, 22).unwrap()), 0);
    }

    #[test]
    fn values_show_as_in_postgres() {
        assert_eq!(show_timestamp(1_500_000), "1970-01-01 00:00:01.5");
        assert_eq!(show_interval(14, 3, 4 * HOUR), "1 year 2 mons 3 days 04:00:00");
        assert_eq!(show_interval(0, -1, 2 * HOUR), "-1 days +02:00:00");
        assert_eq!(show_interval(0, 0, 0), "00:00:00");
        assert_eq!(show_timestamptz(chrono_tz::Europe::Berlin, 0), "1970-01-01 01:00:00+01");
    }

    #[test]
    fn months_end_where_the_month_ends() {
        let january = days_of(2024, 1, 31).unwrap();
        assert_eq!(add_months(january, 1), days_of(2024, 2, 29));
        assert_eq!(add_months(january, -2), days_of(2023, 11, 30));
    }
}
