//! Usage in sums: how many messages were charged and what they cost, by day and by what they are told apart.

use super::{Channel, Named};
use crate::clock::{DAY_US, Timestamp};
use crate::credit::Credit;
use crate::field::FieldError;
use crate::id::{ChatbotId, KeyId};
use serde::{Deserialize, Serialize};

/// Most days of one reading: a year with a leap day.
pub const USAGE_DAYS_MAX: i64 = 366;
/// How many days are read when nobody says how many.
pub const USAGE_DAYS_DEFAULT: i64 = 30;
/// Most series that are told by themselves; the rest is one more.
pub const USAGE_SERIES_MAX: i64 = 20;

/// What the sums of a day are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    Key,
    Chatbot,
    Channel,
}

impl UsageBy {
    pub const ALL: [Self; 3] = [Self::Key, Self::Chatbot, Self::Channel];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Chatbot => "chatbot",
            Self::Channel => "channel",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == text)
    }
}

/// Messages that were charged, and what they cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSum {
    pub messages: i64,
    /// A positive number.
    pub charged: Credit,
}

impl UsageSum {
    pub fn add(&mut self, other: Self) {
        self.messages = self.messages.saturating_add(other.messages);
        let charged = self.charged.millionths().saturating_add(other.charged.millionths());
        self.charged = Credit::from_millionths(charged);
    }
}

/// What the sums of a series have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageOf {
    /// Nothing is told apart.
    All,
    Key(Named<KeyId>),
    /// Messages that no key paid for, such as those of widgets.
    NoKey,
    Chatbot(Named<ChatbotId>),
    Channel(Channel),
    /// Everything that is too small to be told by itself.
    Others,
}

/// One series with its sum over all days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSeries {
    pub of: UsageOf,
    pub total: UsageSum,
}

/// One day, which begins at midnight UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageDay {
    pub day: Timestamp,
    /// One for each series, in their order; zero where nothing was charged.
    pub sums: Vec<UsageSum>,
}

impl UsageDay {
    #[must_use]
    pub fn total(&self) -> UsageSum {
        let mut total = UsageSum::default();
        self.sums.iter().for_each(|sum| total.add(*sum));
        total
    }
}

/// What a filter selects among the messages, summed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSums {
    pub by: Option<UsageBy>,
    /// The dearest first, and the others last. Empty when nothing was charged.
    pub series: Vec<UsageSeries>,
    /// Every day of the stretch, oldest first, also those without a message.
    pub days: Vec<UsageDay>,
    pub total: UsageSum,
}

/// A stretch of whole days: the start of the first one, and the end of the last one, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageDays {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl UsageDays {
    /// Rounds a stretch outwards to whole days. Without an end it ends with today or with its first day, whichever is
    /// later; without a beginning it has [`USAGE_DAYS_DEFAULT`] days.
    ///
    /// # Errors
    /// `until` when it ends before it begins, `from` when it has more than [`USAGE_DAYS_MAX`] days.
    pub fn around(from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> Result<Self, FieldError> {
        let from = from.map(|from| from.max(Timestamp::from_us(0)).start_of_day());
        let until = match until {
            Some(until) => until.plus_us(DAY_US - 1).start_of_day(),
            None => from.map_or(now, |from| from.max(now)).start_of_day().plus_us(DAY_US),
        };
        let from = from.unwrap_or_else(|| until.plus_us(-USAGE_DAYS_DEFAULT * DAY_US).max(Timestamp::from_us(0)));
        if until <= from {
            return Err(FieldError::new("until", "the end must lie after the beginning"));
        }
        if until.us_since(from) > USAGE_DAYS_MAX * DAY_US {
            let message = format!("choose at most {USAGE_DAYS_MAX} days");
            return Err(FieldError::new("from", message));
        }
        Ok(Self { from, until })
    }

    /// The starts of its days, oldest first.
    pub fn starts(self) -> impl Iterator<Item = Timestamp> {
        let days = self.until.us_since(self.from) / DAY_US;
        (0..days).map(move |day| self.from.plus_us(day * DAY_US))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR_US;

    fn date(text: &str) -> Timestamp {
        Timestamp::from_date(text).expect("a date")
    }

    fn around(from: Option<Timestamp>, until: Option<Timestamp>) -> Result<(String, String), String> {
        let now = date("2026-11-25").plus_us(7 * HOUR_US);
        let days = UsageDays::around(from, until, now).map_err(|error| error.field)?;
        assert_eq!(days.starts().next(), Some(days.from));
        assert_eq!(days.starts().last().map(|last| last.plus_us(DAY_US)), Some(days.until));
        Ok((days.from.date(), days.until.date()))
    }

    #[test]
    fn a_stretch_is_rounded_outwards_to_whole_days() {
        let noon = |text: &str| Some(date(text).plus_us(12 * HOUR_US));
        for (from, until, expected) in [
            (None, None, Ok(("2026-10-27", "2026-11-26"))),
            (noon("2026-11-01"), noon("2026-11-01"), Ok(("2026-11-01", "2026-11-02"))),
            (Some(date("2026-11-01")), Some(date("2026-11-03")), Ok(("2026-11-01", "2026-11-03"))),
            (noon("2026-11-20"), None, Ok(("2026-11-20", "2026-11-26"))),
            (noon("2027-01-01"), None, Ok(("2027-01-01", "2027-01-02"))),
            (None, noon("2026-01-31"), Ok(("2026-01-02", "2026-02-01"))),
            (Some(date("2025-11-25")), Some(date("2026-11-26")), Ok(("2025-11-25", "2026-11-26"))),
            (Some(date("2025-11-24")), Some(date("2026-11-26")), Err("from")),
            (Some(Timestamp::from_us(i64::MIN)), None, Err("from")),
            (Some(date("2026-11-02")), Some(date("2026-11-02")), Err("until")),
            (Some(date("2026-11-02")), Some(date("2026-11-01")), Err("until")),
        ] {
            let expected = expected.map(|(from, until)| (from.to_owned(), until.to_owned())).map_err(str::to_owned);
            assert_eq!(around(from, until), expected, "{from:?} {until:?}");
        }
    }

    #[test]
    fn what_usage_is_told_apart_by_reads_back_from_its_name() {
        for by in UsageBy::ALL {
            assert_eq!(UsageBy::parse(by.as_str()), Some(by));
        }
        assert_eq!(UsageBy::parse("colour"), None);
    }
}
