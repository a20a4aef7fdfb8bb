//! A circuit breaker: somebody who failed several times in a row is left alone for a while, and then tried with one
//! request. So callers learn at once that there will be no answer, and who has trouble gets no more of it.

use crate::clock::{SECOND_US, Timestamp};

/// Failures in a row after which nobody asks any more.
pub const FAILURES_MAX: u32 = 5;
/// How long nobody asks.
pub const PAUSE_US: i64 = 10 * SECOND_US;

/// What is known of somebody who is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    /// Until when nobody asks; afterwards one may try.
    opens_at: Option<Timestamp>,
    is_tried: bool,
}

impl Breaker {
    /// Whether a request may be sent `now`. One that may has to end with one of the other three.
    ///
    /// # Errors
    /// With the time from which it makes sense to ask again.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let Some(opens_at) = self.opens_at else { return Ok(()) };
        if now < opens_at {
            return Err(opens_at);
        }
        if self.is_tried {
            return Err(now.plus_us(SECOND_US));
        }
        self.is_tried = true;
        Ok(())
    }

    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if self.is_tried || self.failures >= FAILURES_MAX {
            self.opens_at = Some(now.plus_us(PAUSE_US));
        }
        self.is_tried = false;
    }

    /// The request ended without showing anything: its caller went away, or it was at fault itself.
    pub fn learned_nothing(&mut self) {
        self.is_tried = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_us(1_000_000_000);

    fn open() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.admit(NOW), Ok(()));
            breaker.failed(NOW);
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_not_before() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..FAILURES_MAX {
                breaker.failed(NOW);
            }
            assert_eq!(breaker.admit(NOW), Ok(()));
            breaker.succeeded();
        }
        assert_eq!(open().admit(NOW.plus_us(1)), Err(NOW.plus_us(PAUSE_US)));
    }

    #[test]
    fn after_the_pause_one_tries_and_its_outcome_decides_for_all() {
        let later = NOW.plus_us(PAUSE_US);
        let mut breaker = open();
        assert!(breaker.admit(later.plus_us(-1)).is_err());
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Err(later.plus_us(SECOND_US)));
        breaker.failed(later);
        assert_eq!(breaker.admit(later), Err(later.plus_us(PAUSE_US)));
        let later = later.plus_us(PAUSE_US);
        assert_eq!(breaker.admit(later), Ok(()));
        breaker.succeeded();
        assert_eq!((breaker.admit(later), breaker.admit(later)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_trial_that_shows_nothing_leaves_its_place_to_the_next() {
        let later = NOW.plus_us(PAUSE_US);
        let mut breaker = open();
        assert_eq!(breaker.admit(later), Ok(()));
        breaker.learned_nothing();
        assert_eq!(breaker.admit(later), Ok(()));
    }
}
