//! The message window: at most L accepted messages in any stretch of the window's length, exactly.
//!
//! Accepted messages carry a dense number per account. Message n is allowed when message n − L does not exist or is at
//! least a window old, so one look-up decides and its time gives the exact moment of the retry.

use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// The window is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowFull {
    /// The first moment at which a message will be accepted.
    pub retry_at: Timestamp,
}

/// Decides whether a message is accepted `now`.
///
/// `accepted_before` is when message n − L was accepted, `None` when there is no such message. A clock that was set back
/// frees nothing: the comparison is with the stored time.
///
/// # Errors
/// [`WindowFull`] with the exact time of the next free place. A limit of zero is never free.
pub const fn check(
    limit: u32,
    window_us: i64,
    accepted_before: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), WindowFull> {
    if limit == 0 {
        return Err(WindowFull { retry_at: Timestamp::from_us(i64::MAX) });
    }
    match accepted_before {
        Some(accepted) if now.us_since(accepted) < window_us => {
            Err(WindowFull { retry_at: accepted.plus_us(window_us) })
        }
        _ => Ok(()),
    }
}

/// How full the window is, as the plan card shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowUsage {
    pub used: u32,
    pub limit: u32,
    pub window_us: i64,
    /// When the oldest counted message leaves the window; `None` when nothing is counted.
    pub next_free_at: Option<Timestamp>,
}

impl WindowUsage {
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR_US;
    use proptest::prelude::*;

    #[test]
    fn a_message_passes_at_the_retry_time_and_not_a_microsecond_earlier() {
        let first = Timestamp::from_us(1_000);
        let Err(full) = check(1, 3 * HOUR_US, Some(first), first.plus_us(5)) else {
            panic!("the window has one place and it is taken");
        };
        assert_eq!(full.retry_at, first.plus_us(3 * HOUR_US));
        assert!(check(1, 3 * HOUR_US, Some(first), full.retry_at.plus_us(-1)).is_err());
        assert!(check(1, 3 * HOUR_US, Some(first), full.retry_at).is_ok());
    }

    #[test]
    fn a_clock_that_was_set_back_frees_nothing() {
        let first = Timestamp::from_us(10 * HOUR_US);
        assert!(check(1, 3 * HOUR_US, Some(first), first.plus_us(-5 * HOUR_US)).is_err());
    }

    proptest! {
        /// Counts every stretch of time by hand, which the rule itself never does.
        #[test]
        fn no_stretch_of_time_holds_more_than_the_limit(
            limit in 1_u32..6,
            gaps in prop::collection::vec(0_i64..40, 1..120),
        ) {
            let window_us = 60;
            let mut accepted: Vec<Timestamp> = Vec::new();
            let mut now = Timestamp::from_us(0);
            for gap in gaps {
                now = now.plus_us(gap);
                let place = accepted.len().checked_sub(limit as usize);
                if check(limit, window_us, place.map(|index| accepted[index]), now).is_ok() {
                    accepted.push(now);
                }
            }
            for start in &accepted {
                let inside = accepted.iter().filter(|at| (0..window_us).contains(&at.us_since(*start))).count();
                prop_assert!(inside <= limit as usize);
            }
        }
    }
}
