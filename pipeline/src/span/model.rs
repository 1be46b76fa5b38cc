//! Spans as OpenTelemetry has them.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Text of an attribute: up to 24 bytes, and static texts of any length, take no allocation.
pub use onlooker_protocol::text::Text;

/// An address as text.
#[must_use]
pub fn address_text(address: IpAddr) -> Text {
    let IpAddr::V4(address) = address else { return Text::from(address.to_string()) };
    // Every span has such texts, and the formatting machinery takes half a microsecond for one.
    let mut text = [0; 15];
    let mut length = 0;
    let mut push = |byte| {
        text[length] = byte;
        length += 1;
    };
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            push(b'.');
        }
        if octet >= 100 {
            push(b'0' + octet / 100);
        }
        if octet >= 10 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    Text::from_utf8_lossy(&text[..length])
}

/// 16 bytes, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// 8 bytes, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

macro_rules! hex {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
hex!(TraceId, SpanId);

/// `SpanKind`, as far as what passes sockets has one: none of it is internal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Handles a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
}

impl Kind {
    /// The name in JSON output (`SERVER`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "SERVER",
            Self::Client => "CLIENT",
            Self::Producer => "PRODUCER",
            Self::Consumer => "CONSUMER",
        }
    }
}

/// `Status`: never OK, which is for applications to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nothing went wrong that the protocol knows of.
    #[default]
    Unset,
    /// The call failed; the text says what is not already in attributes (mostly empty).
    Error(Cow<'static, str>),
}

/// An attribute's value, of the kinds that the conventions ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(Text),
    /// A 64-bit integer.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A list of texts.
    Texts(Box<[Text]>),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Text::const_new(text))
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}
impl From<Box<str>> for Value {
    fn from(text: Box<str>) -> Self {
        Self::Text(text.into())
    }
}
impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}
impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}
impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        Self::Text(address_text(address))
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Int(number.into())
    }
}
impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// Attributes in the order they were set; keys are the conventions' names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(pub Vec<(Cow<'static, str>, Value)>);

impl Attributes {
    /// Without any, with room for as many as most spans have.
    #[must_use]
    pub fn with_room() -> Self {
        Self(Vec::with_capacity(16))
    }

    /// Sets a key. Keys are set once: setting one twice is a fault of the caller.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        debug_assert!(self.get(key).is_none(), "{key} is set twice");
        self.0.push((Cow::Borrowed(key), value.into()));
    }

    /// Sets a key if there is a value.
    pub fn set_some(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// What they take beyond their own size, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        let texts = self.0.iter().map(|(_, value)| match value {
            Value::Text(text) => heap(text),
            Value::Texts(texts) => texts.iter().map(|text| size_of::<Text>() + heap(text)).sum(),
            Value::Int(_) | Value::Bool(_) => 0,
        });
        self.0.capacity() * size_of::<(Cow<'static, str>, Value)>() + texts.sum::<usize>()
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl Span {
    /// About what it takes, in bytes. The resource is shared.
    #[must_use]
    pub fn held(&self) -> usize {
        let links = self.links.iter().map(|link| size_of::<Link>() + link.attributes.held());
        size_of::<Self>() + self.attributes.held() + links.sum::<usize>()
    }
}

/// What a text takes beyond its own size, in bytes.
fn heap(text: &Text) -> usize {
    if text.is_heap_allocated() { text.len() } else { 0 }
}

/// Why a span has its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// A context was on the wire.
    Context,
    /// Both ends of the same call were seen.
    SameCall,
    /// The thread (goroutine, …) that served the parent made the call meanwhile.
    SameTask,
    /// A thread or process that the serving one started made the call, and had ended 50 ms after the request at
    /// the latest.
    Lineage,
    /// An event loop made the call inline, while it handled the parent's bytes.
    Segment,
}

impl Evidence {
    /// The value of `onlooker.parent.evidence`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::SameCall => "same-call",
            Self::SameTask => "same-task",
            Self::Lineage => "lineage",
            Self::Segment => "segment",
        }
    }
}

/// Why a span is linked to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkEvidence {
    /// A context of the request, in a format whose ids make no parent (SkyWalking).
    Context,
    /// A context in a message.
    MessageContext,
    /// Both ends saw the message's place in a log: (cluster, topic, partition, offset).
    MessageOffset,
    /// Both ends saw the message's id, or all of the message, and no other sender could have sent
    /// it.
    MessageIdentity,
}

impl LinkEvidence {
    /// The attribute of the link that says it.
    pub const KEY: &str = "onlooker.link.evidence";

    /// The value of `onlooker.link.evidence`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::MessageContext => "message-context",
            Self::MessageOffset => "message-offset",
            Self::MessageIdentity => "message-identity",
        }
    }
}

/// A link to another span.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// Its `tracestate`.
    pub state: Option<Box<str>>,
    /// What is known about the link, [`LinkEvidence`] included.
    pub attributes: Attributes,
}

/// Who made the span: a process, as OpenTelemetry's resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// `service.name`, which is in `attributes` too.
    pub service: String,
    /// All resource attributes, `service.name` included.
    pub attributes: Attributes,
}

/// A finished span.
#[derive(Clone, Debug)]
pub struct Span {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Its parent; `None` on a root.
    pub parent: Option<SpanId>,
    /// Why it is the parent; `None` exactly when `parent` is.
    pub evidence: Option<Evidence>,
    /// The parent is in another process (the OTLP flag "parent is remote").
    pub parent_is_remote: bool,
    /// W3C flags: bit 0 sampled, bit 1 random.
    pub flags: u8,
    /// `tracestate`.
    pub state: Option<Box<str>>,
    /// The name, by the conventions.
    pub name: Cow<'static, str>,
    /// The kind.
    pub kind: Kind,
    /// Start, in nanoseconds since 1970 (UTC).
    pub start_unix_nano: u64,
    /// End, in nanoseconds since 1970 (UTC), never before the start.
    pub end_unix_nano: u64,
    /// Unset or error.
    pub status: Status,
    /// Attributes, without `onlooker.parent.evidence`, which sinks add from `evidence`.
    pub attributes: Attributes,
    /// Links to other spans.
    pub links: Vec<Link>,
    /// Who made it.
    pub resource: Arc<Resource>,
}
