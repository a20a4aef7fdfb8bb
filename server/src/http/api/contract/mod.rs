//! What the API sends: the bodies of its answers, as programs and the OpenAPI document see them.
//!
//! **Invariant:** a field is never taken away and never changes its meaning; fields are added. Amounts are decimal texts
//! with six places, because numbers in JSON are floating-point in most languages.

mod account;
mod chatbot_settings;
mod kept;
mod messages;
mod usage;

pub(super) use account::{CreditView, PlanView};
pub(super) use chatbot_settings::{ChatbotSettingsChange, ChatbotSettingsView};
pub(super) use kept::{
    ChatbotView, ConversationMessageView, ConversationView, DocumentForm, DocumentReplacement, DocumentRequest,
    DocumentView, FileForm,
};
pub(super) use messages::{AskAnswer, AskRequest, CitationView, MessageAnswer, MessageRequest, StreamEvent};
pub(super) use usage::{EntryView, UsageView};

use domain::clock::Timestamp;
use domain::conversation::Page;
use domain::credit::Credit;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An amount of credit in the currency's unit: a decimal number with six places.
#[derive(Clone, Copy)]
pub(super) struct Amount(Credit);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.decimal())
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^-?[0-9]+\.[0-9]{6}$"));
        schema.description(Some("A decimal number with six places, in the unit of the currency")).into()
    }
}

impl ToSchema for Amount {}

/// A moment: RFC 3339 with microseconds, UTC.
#[derive(Clone, Copy)]
pub(super) struct Moment(Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let schema = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        schema.description(Some("RFC 3339 with microseconds, UTC")).into()
    }
}

impl ToSchema for Moment {}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl From<Credit> for Amount {
    fn from(credit: Credit) -> Self {
        Self(credit)
    }
}

/// A list in pages.
#[derive(Serialize, ToSchema)]
pub(super) struct ListView<T> {
    pub data: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last one
    pub next_cursor: Option<String>,
}

impl<T, V: From<T>> From<Page<T>> for ListView<V> {
    fn from(Page { items, next }: Page<T>) -> Self {
        Self { data: items.into_iter().map(V::from).collect(), next_cursor: next }
    }
}
