//! A moment in time, as the product stores it: microseconds since 1970-01-01 00:00 UTC.
//!
//! The calendar arithmetic is here, in twenty lines, because a date library would double what the browser has to load.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Microseconds in one second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds in one minute.
pub const MINUTE_US: i64 = 60 * SECOND_US;
/// Microseconds in one hour.
pub const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds in one day of 24 hours.
pub const DAY_US: i64 = 24 * HOUR_US;

/// A moment, in microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A calendar date and time of day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub microsecond: u32,
}

impl Timestamp {
    #[must_use]
    pub const fn from_us(microseconds: i64) -> Self {
        Self(microseconds)
    }

    /// Midnight UTC at the start of a calendar date.
    ///
    /// # Errors
    /// `None` when the text is not a date of the form `2026-11-24` between the years 1970 and 9999.
    #[must_use]
    pub fn from_date(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
            return None;
        }
        let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        let moment = Self(days_from_civil(year, month, day).checked_mul(DAY_US)?);
        let civil = moment.civil();
        let is_calendar_date = (civil.year, civil.month, civil.day) == (year, month, day);
        (is_calendar_date && (1970..=9999).contains(&year)).then_some(moment)
    }

    #[must_use]
    pub const fn us(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn plus_us(self, microseconds: i64) -> Self {
        Self(self.0.saturating_add(microseconds))
    }

    /// How long ago `earlier` was, in microseconds; negative when it lies ahead.
    #[must_use]
    pub const fn us_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Midnight UTC of the same day.
    #[must_use]
    pub const fn start_of_day(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY_US))
    }

    /// Midnight UTC of the first day of the same calendar month.
    #[must_use]
    pub fn start_of_month(self) -> Self {
        let day = i64::from(self.civil().day);
        Self(self.start_of_day().0 - (day - 1) * DAY_US)
    }

    /// Midnight UTC of the first day of the next calendar month.
    #[must_use]
    pub fn start_of_next_month(self) -> Self {
        self.start_of_month().plus_us(32 * DAY_US).start_of_month()
    }

    /// The same time of day in the next calendar month, on its `day`, or on its last one where it has fewer.
    #[must_use]
    pub fn month_later(self, day: u8) -> Self {
        let next = self.start_of_next_month();
        let days_in_month = next.start_of_next_month().us_since(next) / DAY_US;
        let days = i64::from(day.max(1)).min(days_in_month) - 1;
        next.plus_us(days * DAY_US + self.0.rem_euclid(DAY_US))
    }

    /// The date and time of day in UTC, by Howard Hinnant's `civil_from_days`.
    #[must_use]
    pub fn civil(self) -> Civil {
        let days = self.0.div_euclid(DAY_US);
        let in_day = self.0.rem_euclid(DAY_US);
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let part = |value: i64| u8::try_from(value).unwrap_or(0);
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: part(month),
            day: part(day_of_year - (153 * shifted_month + 2) / 5 + 1),
            hour: part(in_day / HOUR_US),
            minute: part(in_day % HOUR_US / MINUTE_US),
            second: part(in_day % MINUTE_US / SECOND_US),
            microsecond: u32::try_from(in_day % SECOND_US).unwrap_or(0),
        }
    }

    /// `2026-11-24`.
    #[must_use]
    pub fn date(self) -> String {
        let c = self.civil();
        format!("{:04}-{:02}-{:02}", c.year, c.month, c.day)
    }

    /// `14:05`, in UTC.
    #[must_use]
    pub fn hour_minute(self) -> String {
        let c = self.civil();
        format!("{:02}:{:02}", c.hour, c.minute)
    }

    /// `2026-11-24 14:05:09`, in UTC.
    #[must_use]
    pub fn date_time(self) -> String {
        let c = self.civil();
        format!("{} {:02}:{:02}:{:02}", self.date(), c.hour, c.minute, c.second)
    }
}

/// RFC 3339 with microseconds, `2026-11-24T14:05:09.000001Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(f, "{}T{:02}:{:02}:{:02}.{:06}Z", self.date(), c.hour, c.minute, c.second, c.microsecond)
    }
}

fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_epoch_and_a_leap_day_have_their_calendar_names() {
        assert_eq!(Timestamp::from_us(0).to_string(), "1970-01-01T00:00:00.000000Z");
        let leap_day = Timestamp::from_date("2028-02-29").expect("a leap day");
        assert_eq!(leap_day.date(), "2028-02-29");
        assert_eq!(leap_day.plus_us(DAY_US).date(), "2028-03-01");
        assert_eq!(leap_day.plus_us(HOUR_US * 5).start_of_month().date(), "2028-02-01");
        assert_eq!(leap_day.start_of_next_month().date(), "2028-03-01");
        let end_of_january = Timestamp::from_date("2027-01-31").expect("a date").plus_us(HOUR_US);
        let mut months = vec![end_of_january];
        while months.len() < 5 {
            months.push(months[months.len() - 1].month_later(31));
        }
        let dates: Vec<String> = months.iter().map(|moment| moment.date_time()).collect();
        let expected = ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"];
        assert_eq!(dates, expected.map(|date| format!("{date} 01:00:00")));
    }

    #[test]
    fn a_date_that_is_not_in_the_calendar_is_refused() {
        for text in ["2027-02-29", "2026-13-01", "2026-1-01", "26-01-01", "2026-01-01-01", "", "1969-12-31"] {
            assert_eq!(Timestamp::from_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_reads_back_as_itself(days in 0_i64..2_900_000) {
            let moment = Timestamp::from_us(days * DAY_US);
            prop_assert_eq!(Timestamp::from_date(&moment.date()), Some(moment));
        }
    }
}
