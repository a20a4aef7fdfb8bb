//! What the API sends: the bodies of its answers, as programs and the OpenAPI document see them.
//!
//! **Invariant:** a field is never taken away and never changes its meaning; fields are added. Amounts are decimal texts
//! with six places, because numbers in JSON are floating-point in most languages.

use domain::chatbot::{Chatbot, Citation, Document};
use domain::clock::Timestamp;
use domain::conversation::{Conversation, ConversationMessage, KeptSource, Page};
use domain::credit::{Credit, CreditSummary};
use domain::ledger::{Entry, Named, UsageDay, UsageOf, UsageSeries, UsageSum, UsageSums};
use domain::plan::{PlanUsage, Used};
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
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

/// A text, a whole number, or nothing.
pub(super) fn conversation_name() -> ObjectBuilder {
    let types = [Type::String, Type::Integer, Type::Null];
    let schema = ObjectBuilder::new().schema_type(SchemaType::from_iter(types));
    schema.description(Some("Goes on with a conversation; absent, null, \"\" and \"0\" begin one"))
}

/// A message to a chatbot.
#[derive(ToSchema)]
#[schema(example = json!({
    "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "user_message": "When do you open?", "conversation_id": null
}))]
#[expect(dead_code, reason = "the body is read field by field, so that each refusal names its field")]
pub(super) struct AskRequest {
    /// The id on the chatbot's page
    pub chatbot_id: String,
    /// The message
    #[schema(min_length = 1, max_length = 4000, pattern = r"\S")]
    pub user_message: String,
    #[schema(schema_with = conversation_name, required = false)]
    pub conversation_id: (),
}

/// The chatbot's answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "conversation_id": "conv_0RWcY6dDq2pX7vTn1aZbK", "chatbot_message": "The shop opens at nine."
}))]
pub(super) struct AskAnswer<'a> {
    /// True: a refusal has false here
    pub success: bool,
    /// Send it with the next message of the conversation
    pub conversation_id: &'a str,
    /// The answer
    pub chatbot_message: &'a str,
}

/// A message to a chatbot.
#[derive(ToSchema)]
#[schema(example = json!({
    "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "user_message": "When do you open?", "stream": false
}))]
#[expect(dead_code, reason = "the body is read field by field, so that each refusal names its field")]
pub(super) struct MessageRequest {
    /// The id on the chatbot's page
    pub chatbot_id: String,
    /// The message
    #[schema(min_length = 1, max_length = 4000, pattern = r"\S")]
    pub user_message: String,
    #[schema(schema_with = conversation_name, required = false)]
    pub conversation_id: (),
    /// Send the answer as server-sent events
    #[schema(required = false, default = false)]
    pub stream: Option<bool>,
}

/// The chatbot's answer, where it came from, and what it cost.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "request_id": "req_0RWcY6dDq2pX7vTn1aZbK", "conversation_id": "conv_0RWcY6dDq2pX7vTn1aZbK",
    "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "chatbot_message": "The shop opens at nine. (Opening hours)",
    "citations": [{
        "document_id": "doc_0RWcY5zAAL3pX7vTn1aZb", "document_name": "Help.md", "heading": "Opening hours",
        "text": "The shop opens at nine."
    }],
    "price": "0.002000", "credit_remaining": "23.418200"
}))]
pub(super) struct MessageAnswer<'a> {
    /// True: a refusal has false here
    pub success: bool,
    /// Names the entry that was charged
    pub request_id: &'a str,
    /// Send it with the next message of the conversation
    pub conversation_id: &'a str,
    pub chatbot_id: &'a str,
    /// The answer
    pub chatbot_message: &'a str,
    /// The passages that the answer is made of, best first
    pub citations: Vec<CitationView<'a>>,
    /// What the message cost
    pub price: Amount,
    /// What can be spent after it; put in when the charge is durable
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, value_type = Amount)]
    pub credit_remaining: Option<Amount>,
}

/// One of the events of a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "events are written as text; this is what they look like")]
pub(super) struct StreamEvent {
    /// `message.delta` for each piece, then `message.completed`; or `error`
    #[schema(pattern = r"^(message\.delta|message\.completed|error)$")]
    pub event: String,
    /// JSON: `{"text": …}`; the body that is sent without `stream`; or a problem
    #[schema(content_media_type = "application/json")]
    pub data: String,
}

/// A passage of a document.
#[derive(Serialize, ToSchema)]
pub(super) struct CitationView<'a> {
    pub document_id: &'a str,
    pub document_name: &'a str,
    /// The headings above the passage
    pub heading: &'a str,
    pub text: &'a str,
}

impl<'a> From<&'a Citation> for CitationView<'a> {
    fn from(citation: &'a Citation) -> Self {
        Self {
            document_id: citation.document_id.as_str(),
            document_name: &citation.document_name,
            heading: &citation.heading,
            text: &citation.text,
        }
    }
}

/// The API credit of the account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "currency": "USD", "credit": "23.420200", "held": "0.002000", "available": "23.418200",
    "price_per_message": "0.002000", "messages_left": 11709
}))]
pub(super) struct CreditView {
    /// ISO 4217
    #[schema(pattern = "^[A-Z]{3}$")]
    pub currency: &'static str,
    /// What is in the account; what is held is still part of it
    pub credit: Amount,
    /// Set aside for answers that are being written
    pub held: Amount,
    /// What can be spent now
    pub available: Amount,
    pub price_per_message: Amount,
    /// How many messages the available credit pays for
    #[schema(minimum = 0)]
    pub messages_left: i64,
}

impl From<CreditSummary> for CreditView {
    fn from(summary: CreditSummary) -> Self {
        Self {
            currency: summary.currency.code(),
            credit: Amount(summary.posted),
            held: Amount(summary.held),
            available: Amount(summary.available()),
            price_per_message: Amount(summary.price_per_message),
            messages_left: summary.messages(),
        }
    }
}

/// How many of a limited thing there are.
#[derive(Serialize, ToSchema)]
pub(super) struct UsedView {
    #[schema(minimum = 0)]
    pub used: i64,
    #[schema(minimum = 0)]
    pub limit: u32,
}

impl From<Used> for UsedView {
    fn from(Used { used, limit }: Used) -> Self {
        Self { used, limit }
    }
}

/// The messages that are counted over a stretch of time.
#[derive(Serialize, ToSchema)]
pub(super) struct MessageWindowView {
    /// Length of the stretch, in seconds
    pub seconds: i64,
    #[schema(minimum = 0)]
    pub used: u32,
    #[schema(minimum = 0)]
    pub limit: u32,
    /// When the oldest counted message leaves it; null when none is counted
    pub next_free_at: Option<Moment>,
}

/// How many requests a minute the plan allows.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestsView {
    /// By all keys of the account
    pub per_minute: u32,
    /// By each key
    pub per_minute_per_key: u32,
}

/// The plan of the account, its limits, and how much of each is used.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "plus", "name": "Plus",
    "messages": { "seconds": 10800, "used": 38, "limit": 200, "next_free_at": "2026-11-24T14:05:00.000000Z" },
    "chatbots": { "used": 2, "limit": 10 }, "documents": { "used": 14, "limit": 100 },
    "users": { "used": 1, "limit": 3 }, "api_keys": { "used": 2, "limit": 5 },
    "requests": { "per_minute": 6000, "per_minute_per_key": 3000 }
}))]
pub(super) struct PlanView {
    pub id: String,
    pub name: String,
    pub messages: MessageWindowView,
    pub chatbots: UsedView,
    pub documents: UsedView,
    pub users: UsedView,
    pub api_keys: UsedView,
    pub requests: RequestsView,
}

impl From<PlanUsage> for PlanView {
    fn from(usage: PlanUsage) -> Self {
        let PlanUsage { plan, messages, chatbots, documents, users, api_keys } = usage;
        Self {
            messages: MessageWindowView {
                seconds: messages.window_us / domain::clock::SECOND_US,
                used: messages.used,
                limit: messages.limit,
                next_free_at: messages.next_free_at.map(Moment),
            },
            chatbots: chatbots.into(),
            documents: documents.into(),
            users: users.into(),
            api_keys: api_keys.into(),
            requests: RequestsView {
                per_minute: plan.requests_per_minute,
                per_minute_per_key: plan.requests_per_minute_per_key,
            },
            id: plan.id,
            name: plan.name,
        }
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

/// A chatbot.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "bot_0RWcY5yKQL3pX7vTn1aZb", "name": "Help centre", "created_at": "2026-11-24T09:00:00.000000Z",
    "documents": 3
}))]
pub(super) struct ChatbotView {
    pub id: String,
    pub name: String,
    pub created_at: Moment,
    /// How many documents it answers from
    #[schema(minimum = 0)]
    pub documents: i64,
}

impl From<Chatbot> for ChatbotView {
    fn from(Chatbot { id, name, created_at, documents }: Chatbot) -> Self {
        Self { id: id.to_string(), name, created_at: Moment(created_at), documents }
    }
}

/// A document that a chatbot answers from.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "doc_0RWcY5zAAL3pX7vTn1aZb", "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "name": "Help.md",
    "size_bytes": 1830, "passages": 12, "created_at": "2026-11-24T09:00:00.000000Z"
}))]
pub(super) struct DocumentView {
    pub id: String,
    pub chatbot_id: String,
    pub name: String,
    #[schema(minimum = 0)]
    pub size_bytes: i64,
    /// How many passages it is read as
    #[schema(minimum = 0)]
    pub passages: i64,
    pub created_at: Moment,
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id.to_string(),
            chatbot_id: document.chatbot_id.to_string(),
            name: document.name,
            size_bytes: document.size_bytes,
            passages: document.passages,
            created_at: Moment(document.created_at),
        }
    }
}

/// A document to add.
#[derive(ToSchema)]
#[schema(example = json!({
    "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "name": "Help.md",
    "text": "# Opening hours\n\nThe shop opens at nine.\n"
}))]
#[expect(dead_code, reason = "the body is read field by field, so that each refusal names its field")]
pub(super) struct DocumentRequest {
    /// The chatbot that will answer from it
    pub chatbot_id: String,
    #[schema(min_length = 1, max_length = 80, pattern = r"\S")]
    pub name: String,
    /// Plain text or Markdown, at most 2 MB in UTF-8
    #[schema(min_length = 1, pattern = r"\S")]
    pub text: String,
}

/// A conversation with a chatbot.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "conv_0RWcY6dDq2pX7vTn1aZbK", "chatbot_id": "bot_0RWcY5yKQL3pX7vTn1aZb", "channel": "api",
    "created_at": "2026-11-24T09:00:00.000000Z", "messages": 2
}))]
pub(super) struct ConversationView {
    pub id: String,
    pub chatbot_id: String,
    #[schema(pattern = "^(console|api|widget)$")]
    pub channel: &'static str,
    pub created_at: Moment,
    #[schema(minimum = 0)]
    pub messages: i64,
}

impl From<Conversation> for ConversationView {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.to_string(),
            chatbot_id: conversation.chatbot_id.to_string(),
            channel: conversation.channel.as_str(),
            created_at: Moment(conversation.created_at),
            messages: conversation.messages,
        }
    }
}

/// Where a passage of an answer came from.
#[derive(Serialize, ToSchema)]
pub(super) struct SourceView {
    pub document_id: String,
    pub document_name: String,
    pub heading: String,
}

impl From<KeptSource> for SourceView {
    fn from(KeptSource { document_id, document_name, heading }: KeptSource) -> Self {
        Self { document_id: document_id.to_string(), document_name, heading }
    }
}

/// A message of a conversation, with its answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "number": 1, "request_id": "req_0RWcY6dDq2pX7vTn1aZbK", "user_message": "When do you open?",
    "chatbot_message": "The shop opens at nine. (Opening hours)", "price": "0.002000",
    "sources": [{
        "document_id": "doc_0RWcY5zAAL3pX7vTn1aZb", "document_name": "Help.md", "heading": "Opening hours"
    }],
    "at": "2026-11-24T09:00:00.000000Z"
}))]
pub(super) struct ConversationMessageView {
    /// From 1 within the conversation
    #[schema(minimum = 1)]
    pub number: i64,
    /// Names the entry that was charged
    pub request_id: String,
    pub user_message: String,
    pub chatbot_message: String,
    /// Where the answer came from, best first
    pub sources: Vec<SourceView>,
    pub price: Amount,
    pub at: Moment,
}

impl From<ConversationMessage> for ConversationMessageView {
    fn from(message: ConversationMessage) -> Self {
        Self {
            number: message.number,
            request_id: message.request_id,
            user_message: message.question,
            chatbot_message: message.answer,
            sources: message.sources.into_iter().map(SourceView::from).collect(),
            price: Amount(message.price),
            at: Moment(message.at),
        }
    }
}

/// A key or a chatbot, by id and name.
#[derive(Serialize, ToSchema)]
pub(super) struct NamedView {
    pub id: String,
    pub name: String,
}

impl<I: std::fmt::Display> From<Named<I>> for NamedView {
    fn from(Named { id, name }: Named<I>) -> Self {
        Self { id: id.to_string(), name }
    }
}

/// One change of the credit.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "seq": 412, "kind": "charge", "amount": "-0.002000", "credit_after": "23.418200",
    "at": "2026-11-24T09:00:00.000000Z", "request_id": "req_0RWcY6dDq2pX7vTn1aZbK", "channel": "api",
    "key": { "id": "key_0RWcY5yKQL3pX7vTn1aZb", "name": "Production" },
    "chatbot": { "id": "bot_0RWcY5yKQL3pX7vTn1aZb", "name": "Help centre" }, "payment_id": null, "reason": null
}))]
pub(super) struct EntryView {
    /// Counts the entries of the account, without gaps
    #[schema(minimum = 1)]
    pub seq: i64,
    #[schema(pattern = "^(charge|payment|grant|adjustment)$")]
    pub kind: &'static str,
    /// Negative when credit was spent
    pub amount: Amount,
    pub credit_after: Amount,
    pub at: Moment,
    /// Names the request
    pub request_id: String,
    /// How a message came in; null for anything else
    pub channel: Option<&'static str>,
    pub key: Option<NamedView>,
    pub chatbot: Option<NamedView>,
    pub payment_id: Option<String>,
    /// Why the operator changed the credit
    pub reason: Option<String>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            seq: entry.seq,
            kind: entry.kind.as_str(),
            amount: Amount(entry.amount),
            credit_after: Amount(entry.posted_after),
            at: Moment(entry.at),
            request_id: entry.request_id,
            channel: entry.channel.map(domain::ledger::Channel::as_str),
            key: entry.key.map(NamedView::from),
            chatbot: entry.chatbot.map(NamedView::from),
            payment_id: entry.payment_id.map(|id| id.to_string()),
            reason: entry.reason,
        }
    }
}

/// Messages that were charged, and what they cost together.
#[derive(Serialize, ToSchema)]
pub(super) struct SumView {
    #[schema(minimum = 0)]
    pub messages: i64,
    pub charged: Amount,
}

impl From<UsageSum> for SumView {
    fn from(UsageSum { messages, charged }: UsageSum) -> Self {
        Self { messages, charged: Amount(charged) }
    }
}

/// What the sums of a series have in common.
#[derive(Serialize, ToSchema)]
pub(super) struct SeriesView {
    /// `all`; a `key`, `chatbot` or `channel`; `no_key` for messages that no key paid for; or `others` for everything beyond
    /// the twenty dearest
    #[schema(pattern = "^(all|key|no_key|chatbot|channel|others)$")]
    pub of: &'static str,
    /// The id of the key or chatbot, or the channel
    pub id: Option<String>,
    pub name: Option<String>,
    pub total: SumView,
}

impl From<UsageSeries> for SeriesView {
    fn from(UsageSeries { of, total }: UsageSeries) -> Self {
        let (of, id, name) = match of {
            UsageOf::All => ("all", None, None),
            UsageOf::Key(key) => ("key", Some(key.id.to_string()), Some(key.name)),
            UsageOf::NoKey => ("no_key", None, None),
            UsageOf::Chatbot(chatbot) => ("chatbot", Some(chatbot.id.to_string()), Some(chatbot.name)),
            UsageOf::Channel(channel) => ("channel", Some(channel.as_str().to_owned()), None),
            UsageOf::Others => ("others", None, None),
        };
        Self { of, id, name, total: total.into() }
    }
}

/// One day (UTC).
#[derive(Serialize, ToSchema)]
pub(super) struct DayView {
    #[schema(format = Date)]
    pub date: String,
    /// One for each of the series, in their order
    pub sums: Vec<SumView>,
}

/// What messages cost, by day.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "total": { "messages": 3, "charged": "0.006000" },
    "series": [{ "of": "channel", "id": "api", "name": null, "total": { "messages": 3, "charged": "0.006000" } }],
    "days": [{ "date": "2026-11-24", "sums": [{ "messages": 3, "charged": "0.006000" }] }]
}))]
pub(super) struct UsageView {
    pub total: SumView,
    /// The dearest first, and others last; empty when nothing was charged
    pub series: Vec<SeriesView>,
    /// Every day of the stretch, oldest first
    pub days: Vec<DayView>,
}

impl From<UsageSums> for UsageView {
    fn from(UsageSums { series, days, total, .. }: UsageSums) -> Self {
        let day = |UsageDay { day, sums }: UsageDay| DayView {
            date: day.date(),
            sums: sums.into_iter().map(SumView::from).collect(),
        };
        Self {
            total: total.into(),
            series: series.into_iter().map(SeriesView::from).collect(),
            days: days.into_iter().map(day).collect(),
        }
    }
}

impl From<Credit> for Amount {
    fn from(credit: Credit) -> Self {
        Self(credit)
    }
}
