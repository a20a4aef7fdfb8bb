//! Mails: what people are told, what becomes of a mail, and when a mail that could not be sent is tried again.

use crate::clock::{DAY_US, HOUR_US, MINUTE_US, Timestamp};
use serde::{Deserialize, Serialize};

/// What a mail tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    CreditLow,
    KeyCapNear,
    ChatbotCapNear,
    KeyExpiring,
    Receipt,
    PaymentFailed,
    /// Auto top-up has stopped.
    TopUpStopped,
    /// A month of a plan ends soon.
    PlanEnding,
    /// The next month of a plan was not paid.
    PlanUnpaid,
    /// A plan that was not paid has ended.
    PlanFellBack,
    NewSignIn,
    PasswordReset,
    EmailConfirmation,
}

impl MailKind {
    pub const ALL: [Self; 13] = [
        Self::CreditLow,
        Self::KeyCapNear,
        Self::ChatbotCapNear,
        Self::KeyExpiring,
        Self::Receipt,
        Self::PaymentFailed,
        Self::TopUpStopped,
        Self::PlanEnding,
        Self::PlanUnpaid,
        Self::PlanFellBack,
        Self::NewSignIn,
        Self::PasswordReset,
        Self::EmailConfirmation,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreditLow => "credit_low",
            Self::KeyCapNear => "key_cap_near",
            Self::ChatbotCapNear => "chatbot_cap_near",
            Self::KeyExpiring => "key_expiring",
            Self::Receipt => "receipt",
            Self::PaymentFailed => "payment_failed",
            Self::TopUpStopped => "top_up_stopped",
            Self::PlanEnding => "plan_ending",
            Self::PlanUnpaid => "plan_unpaid",
            Self::PlanFellBack => "plan_fell_back",
            Self::NewSignIn => "new_sign_in",
            Self::PasswordReset => "password_reset",
            Self::EmailConfirmation => "email_confirmation",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// How long after its event a mail is still worth trying, in microseconds. Who waits for the link of a new password
    /// has asked again long before the end of a day, and must not find an old mail among the new ones.
    #[must_use]
    pub const fn worth_trying_us(self) -> i64 {
        match self {
            Self::PasswordReset => HOUR_US,
            _ => 3 * DAY_US,
        }
    }
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// It is to be sent, now or at its next try.
    Waiting,
    /// Somebody is sending it, or ended while he did.
    Sending,
    Sent,
    /// It was given up.
    Failed,
}

impl MailState {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Sending, Self::Sent, Self::Failed];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// When a mail is tried again after so many attempts have failed; `None` when it is given up. The pause is a minute at
/// first and doubles up to six hours.
#[must_use]
pub fn next_try(kind: MailKind, event_at: Timestamp, attempts: i64, now: Timestamp) -> Option<Timestamp> {
    let doublings = u32::try_from(attempts.saturating_sub(1).max(0)).unwrap_or(u32::MAX).min(20);
    let pause = MINUTE_US.saturating_mul(1_i64 << doublings).min(6 * HOUR_US);
    (now.us_since(event_at) < kind.worth_trying_us()).then(|| now.plus_us(pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_from_a_minute_to_six_hours() {
        let at = Timestamp::from_us(0);
        let pause = |attempts| next_try(MailKind::Receipt, at, attempts, at).map(Timestamp::us);
        for (attempts, minutes) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 360), (11, 360), (i64::MAX, 360)] {
            assert_eq!(pause(attempts), Some(minutes * MINUTE_US), "{attempts}");
        }
    }

    #[test]
    fn a_mail_is_given_up_after_three_days_and_a_reset_after_an_hour() {
        for (kind, worth_us) in [(MailKind::CreditLow, 3 * DAY_US), (MailKind::PasswordReset, HOUR_US)] {
            let tried = |after_us| next_try(kind, Timestamp::from_us(7), 30, Timestamp::from_us(7 + after_us));
            assert!(tried(worth_us - 1).is_some());
            assert_eq!(tried(worth_us), None);
        }
    }

    #[test]
    fn words_read_back_as_what_they_say() {
        assert!(MailKind::ALL.iter().all(|kind| MailKind::parse(kind.as_str()) == Some(*kind)));
        assert!(MailState::ALL.iter().all(|state| MailState::parse(state.as_str()) == Some(*state)));
        assert_eq!((MailKind::parse("sent"), MailState::parse("")), (None, None));
    }
}
