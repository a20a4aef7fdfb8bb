//! Accounts, the users in them, and what a sign-up form must hold.

use crate::clock::Timestamp;
use crate::field::{self, FieldError};
use crate::id::{AccountId, UserId};
use serde::{Deserialize, Serialize};

/// What a user may do in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Admin,
    Member,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Member];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// The person who is looking at the console, and the account he looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    pub user_id: UserId,
    pub account_id: AccountId,
    pub role: Role,
    pub name: String,
    pub email: String,
    pub joined_at: Timestamp,
    /// Whether somebody has followed the link of a mail to this e-mail.
    pub is_confirmed: bool,
    /// Whether he runs this installation: his e-mail is among the operators', and confirmed.
    pub is_operator: bool,
}

impl Viewer {
    /// One or two letters for the picture beside the name.
    #[must_use]
    pub fn initials(&self) -> String {
        let mut words = self.name.split_whitespace();
        let first = words.next().and_then(|word| word.chars().next());
        let last = words.next_back().and_then(|word| word.chars().next());
        first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
    }
}

/// Shortest password that is accepted, in characters. There are no rules about which ones.
pub const PASSWORD_CHARACTERS_MIN: usize = 8;
/// Longest password that is accepted, in bytes, so that hashing one costs a bounded time.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Checks a password that somebody chooses.
///
/// # Errors
/// When it is shorter than 8 characters or longer than 1,024 bytes.
pub fn check_new_password(password: &str) -> Result<(), FieldError> {
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Err(FieldError::new("password", "use at least 8 characters"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(FieldError::new("password", "use at most 1,024 bytes"));
    }
    Ok(())
}

/// Checks an e-mail address and brings it to the form in which it is stored: trimmed, lower case.
///
/// Only what would certainly never be delivered is refused; whether an address exists, only a message to it can show.
///
/// # Errors
/// When it is missing, longer than 254 bytes (RFC 5321, 4.5.3.1.3) or has not the form `name@host`.
pub fn normalise_email(email: &str) -> Result<String, FieldError> {
    let email = field::required_text("email", "e-mail", email, 254)?.to_lowercase();
    let is_address = email.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty()
            && !host.is_empty()
            && !host.contains('@')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !email.chars().any(|character| character.is_whitespace() || character.is_control())
    });
    if is_address {
        Ok(email)
    } else {
        Err(FieldError::new("email", "enter an e-mail address such as name@example.com"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_stored_in_one_form() {
        assert_eq!(normalise_email(" Owner@Bergfeld.Example ").as_deref(), Ok("owner@bergfeld.example"));
        for text in ["", "owner", "@host", "owner@", "a b@host", "a@b@c", "a@.host", "a\u{7}@host"] {
            assert!(normalise_email(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_needs_eight_characters_of_any_kind() {
        assert!(check_new_password("aaaaaaaa").is_ok());
        assert!(check_new_password("ääääääää").is_ok());
        assert!(check_new_password("1234567").is_err());
        assert!(check_new_password(&"x".repeat(1_025)).is_err());
    }

    #[test]
    fn initials_are_the_first_letters_of_the_first_and_last_word() {
        let viewer = |name: &str| Viewer {
            user_id: UserId::from_row("user_1".into()),
            account_id: AccountId::from_row("acct_1".into()),
            role: Role::Owner,
            name: name.into(),
            email: "o@b.example".into(),
            joined_at: Timestamp::from_us(0),
            is_confirmed: false,
            is_operator: false,
        };
        assert_eq!(viewer("olga maria bergfeld").initials(), "OB");
        assert_eq!(viewer("Olga").initials(), "O");
    }
}
