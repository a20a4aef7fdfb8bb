//! The sessions of visitors: a signed text that their browser keeps, and nothing here. It says which widget it is for, on
//! pages of which origin, until when, and which conversation it may go on with; whoever changes any of it has no session.

use super::Visited;
use crate::error::{Error, Result};
use crate::secrets::hex;
use crate::{Server, random};
use domain::clock::{MINUTE_US, Timestamp};
use domain::id::ConversationId;
use domain::problem::ProblemCode;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How long a session lasts after its last answer.
const LASTS_US: i64 = 30 * MINUTE_US;
/// Random bytes of a session's name.
const NAME_BYTES: usize = 32;
/// Stands where no conversation has begun.
const NO_CONVERSATION: &str = "-";

/// A visitor's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The same for as long as it is renewed.
    pub name: String,
    pub conversation_id: Option<ConversationId>,
    expires_at: Timestamp,
}

impl Session {
    /// The text that the browser keeps: `until.name.conversation.signature`.
    fn token(&self, server: &Server, visited: &Visited) -> Result<String> {
        let conversation = self.conversation_id.as_ref().map_or(NO_CONVERSATION, ConversationId::as_str);
        let signed = format!("{}.{}.{conversation}", self.expires_at.us(), self.name);
        Ok(format!("{signed}.{}", signature(server, visited, &signed)?))
    }
}

/// Under the pepper, with what no secret of a key begins with in front: neither can be taken for the other.
fn signature(server: &Server, visited: &Visited, signed: &str) -> Result<String> {
    let text = format!("widget session\n{}\n{}\n{signed}", visited.widget.id, visited.origin);
    let mac = Hmac::<Sha256>::new_from_slice(server.secrets.pepper()).map_err(Error::internal)?;
    Ok(hex(&mac.chain_update(text).finalize().into_bytes()).to_string())
}

/// Begins the session of a visitor who has said nothing yet; returns its token.
///
/// # Errors
/// When the signature cannot be made.
pub fn begin_session(server: &Server, visited: &Visited) -> Result<String> {
    let name = hex(&random::bytes::<NAME_BYTES>(server.random.as_ref())).to_string();
    let session = Session { name, conversation_id: None, expires_at: server.now().plus_us(LASTS_US) };
    session.token(server, visited)
}

/// Reads the token of a session.
///
/// # Errors
/// 401 when it was not given for this widget and origin, or its time is over.
pub fn read_session(server: &Server, visited: &Visited, token: &str) -> Result<Session> {
    let ended = || Error::from(ProblemCode::WidgetSessionEnded);
    let (signed, given) = token.rsplit_once('.').ok_or_else(ended)?;
    let expected = signature(server, visited, signed)?;
    if !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Err(ended());
    }
    let mut parts = signed.split('.');
    let (Some(until), Some(name), Some(conversation)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(ended());
    };
    let expires_at = Timestamp::from_us(until.parse().map_err(|_| ended())?);
    if server.now() >= expires_at {
        return Err(ended());
    }
    Ok(Session { name: name.to_owned(), conversation_id: ConversationId::parse(conversation), expires_at })
}

/// The token of a session that goes on with a conversation for another while.
///
/// # Errors
/// When the signature cannot be made.
pub fn renewed(
    server: &Server,
    visited: &Visited,
    session: &Session,
    conversation_id: Option<ConversationId>,
) -> Result<String> {
    let expires_at = server.now().plus_us(LASTS_US);
    let conversation_id = conversation_id.or_else(|| session.conversation_id.clone());
    Session { name: session.name.clone(), conversation_id, expires_at }.token(server, visited)
}
