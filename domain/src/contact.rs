//! Contact requests: what a visitor of a widget leaves for people to answer.

use crate::account::normalise_email;
use crate::clock::Timestamp;
use crate::field::{FieldError, NAME_CHARACTERS_MAX, optional_text, required_text};
use crate::id::{ChatbotId, ContactId, ConversationId};

/// Longest message of a visitor, in characters.
pub const CONTACT_CHARACTERS_MAX: usize = 2_000;
/// Most contact requests that an account keeps: a flood of them must not fill the database.
pub const CONTACTS_MAX: i64 = 10_000;

/// What a visitor typed, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactText {
    /// Empty where he gave none.
    pub name: String,
    pub email: String,
    pub message: String,
}

impl ContactText {
    /// # Errors
    /// When the e-mail is none, the message is missing, or one of them is too long.
    pub fn read(name: &str, email: &str, message: &str) -> Result<Self, FieldError> {
        let name = optional_text("name", "name", name, NAME_CHARACTERS_MAX)?.replace(['\n', '\r', '\t'], " ");
        let email = normalise_email(email)?;
        let message = required_text("message", "message", message, CONTACT_CHARACTERS_MAX)?.to_owned();
        Ok(Self { name, email, message })
    }
}

/// A contact request as its owner reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRequest {
    pub id: ContactId,
    pub chatbot_id: ChatbotId,
    pub chatbot_name: String,
    /// What was said before; `None` when nothing was.
    pub conversation_id: Option<ConversationId>,
    pub text: ContactText,
    /// The origin of the page it was left on.
    pub origin: String,
    pub created_at: Timestamp,
    /// Since when somebody says that nothing is left to do.
    pub done_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_request_has_an_address_and_a_message_and_may_have_a_name() {
        let read = ContactText::read("", " Vera@Example.com ", " Do you repair lamps?\n").expect("in order");
        assert_eq!((read.name.as_str(), read.email.as_str()), ("", "vera@example.com"));
        assert_eq!(read.message, "Do you repair lamps?");
        assert_eq!(ContactText::read("Vera\nBcc: x", "v@e.com", "Hello").expect("one line").name, "Vera Bcc: x");
        let long = "a".repeat(CONTACT_CHARACTERS_MAX + 1);
        for (name, email, message, field) in [
            ("", "", "Hello", "email"),
            ("", "vera", "Hello", "email"),
            ("", "v@e.com", " ", "message"),
            ("", "v@e.com", long.as_str(), "message"),
            (&long[..=NAME_CHARACTERS_MAX], "v@e.com", "Hello", "name"),
            ("a\u{7}", "v@e.com", "Hello", "name"),
        ] {
            assert_eq!(ContactText::read(name, email, message).expect_err(field).field, field);
        }
    }
}
