//! Collects encoded spans by resource into requests of a bounded size.

use std::sync::Arc;

use bytes::Bytes;
use onlooker_pipeline::span::{Resource, Span};

use super::{json, protobuf, zipkin};
use crate::config::Limits;

/// The largest request, in bytes before compression: under gRPC's default limit of 4 MiB for a
/// message, which Collectors keep for HTTP too.
pub(in crate::sink) const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024 - 1024;

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sink) enum Encoding {
    /// Binary protobuf.
    Protobuf,
    /// ProtoJSON in OTLP's dialect.
    Json,
    /// Zipkin's v2 JSON.
    Zipkin,
}

/// An encoded `ExportTraceServiceRequest`.
#[derive(Clone, Debug)]
pub(in crate::sink) struct Request {
    pub(in crate::sink) body: Bytes,
    pub(in crate::sink) spans: u64,
}

/// What happened to a span that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sink) enum Added {
    /// It is in the batch.
    Yes,
    /// The batch is full: take it, then add the span again.
    Full,
    /// The span alone is more than a request may be.
    TooLarge,
}

/// An open request.
#[derive(Debug)]
pub(in crate::sink) struct Batch {
    encoding: Encoding,
    limits: Limits,
    groups: Vec<Group>,
    /// The group of the latest span: the next one is probably of the same process.
    latest: usize,
    span: Vec<u8>,
    /// At least what the request will take.
    bytes: usize,
    spans: u64,
}

/// The spans of one resource. Kept over requests, so that resources are encoded once and buffers
/// are reused; a group that had nothing to send goes.
#[derive(Debug)]
struct Group {
    resource: Arc<Resource>,
    head: Vec<u8>,
    spans: Vec<u8>,
}

impl Batch {
    pub(in crate::sink) fn new(encoding: Encoding, limits: Limits) -> Self {
        Self {
            encoding,
            limits,
            groups: Vec::new(),
            latest: 0,
            span: Vec::new(),
            bytes: 0,
            spans: 0,
        }
    }

    pub(in crate::sink) fn add(&mut self, span: &Span) -> Added {
        self.span.clear();
        match self.encoding {
            Encoding::Protobuf => protobuf::span(&mut self.span, span, &self.limits),
            Encoding::Json => json::span(&mut self.span, span, &self.limits),
            Encoding::Zipkin => zipkin::span(&mut self.span, span, &self.limits),
        }
        let index = self.group(&span.resource);
        let Some(group) = self.groups.get_mut(index) else { return Added::TooLarge };
        let mut size = self.span.len() + self.encoding.span_overhead();
        if group.spans.is_empty() {
            size += group.head.len() + self.encoding.resource_spans_overhead();
        }
        if self.bytes + size > MAX_REQUEST_BYTES {
            return if self.spans == 0 { Added::TooLarge } else { Added::Full };
        }
        match self.encoding {
            Encoding::Protobuf => protobuf::span_head(&mut group.spans, self.span.len()),
            _ if group.spans.is_empty() => {}
            Encoding::Json | Encoding::Zipkin => group.spans.push(b','),
        }
        group.spans.extend_from_slice(&self.span);
        self.bytes += size;
        self.spans += 1;
        self.latest = index;
        Added::Yes
    }

    /// The request so far; `None` if it has no span. The batch is empty afterwards.
    pub(in crate::sink) fn take(&mut self) -> Option<Request> {
        let spans = std::mem::take(&mut self.spans);
        let size = std::mem::take(&mut self.bytes);
        self.latest = 0;
        self.groups.retain(|group| !group.spans.is_empty());
        if spans == 0 {
            return None;
        }
        let mut body = Vec::with_capacity(size + 32);
        body.extend_from_slice(self.encoding.before());
        for (index, group) in self.groups.iter_mut().enumerate() {
            if self.encoding != Encoding::Protobuf && index > 0 {
                body.push(b',');
            }
            match self.encoding {
                Encoding::Protobuf => {
                    protobuf::resource_spans(&mut body, &group.head, &group.spans);
                }
                Encoding::Json => json::resource_spans(&mut body, &group.head, &group.spans),
                Encoding::Zipkin => body.extend_from_slice(&group.spans),
            }
            group.spans.clear();
        }
        body.extend_from_slice(self.encoding.after());
        Some(Request { body: body.into(), spans })
    }

    /// The index of a resource's group. Processes share one `Arc` for all their spans, so that
    /// pointers nearly always decide.
    fn group(&mut self, resource: &Arc<Resource>) -> usize {
        let same = |group: &Group| Arc::ptr_eq(&group.resource, resource);
        if self.groups.get(self.latest).is_some_and(same) {
            return self.latest;
        }
        if let Some(index) = self.groups.iter().position(same) {
            return index;
        }
        if let Some(index) = self.groups.iter().position(|group| group.resource == *resource) {
            return index;
        }
        let mut head = Vec::new();
        match self.encoding {
            Encoding::Protobuf => protobuf::resource(&mut head, resource),
            Encoding::Json => json::resource(&mut head, resource),
            // Each Zipkin span names its service itself.
            Encoding::Zipkin => {}
        }
        self.groups.push(Group { resource: Arc::clone(resource), head, spans: Vec::new() });
        self.groups.len() - 1
    }
}

impl Encoding {
    const fn resource_spans_overhead(self) -> usize {
        match self {
            Self::Protobuf => protobuf::RESOURCE_SPANS_OVERHEAD,
            Self::Json => json::RESOURCE_SPANS_OVERHEAD,
            Self::Zipkin => 1,
        }
    }

    /// At least what comes with each span.
    const fn span_overhead(self) -> usize {
        match self {
            Self::Protobuf => protobuf::SPAN_HEAD_OVERHEAD,
            Self::Json | Self::Zipkin => 1,
        }
    }

    /// A request without spans.
    pub(in crate::sink) fn empty(self) -> Bytes {
        [self.before(), self.after()].concat().into()
    }

    /// What a request begins with.
    const fn before(self) -> &'static [u8] {
        match self {
            Self::Protobuf => b"",
            Self::Json => b"{\"resourceSpans\":[",
            Self::Zipkin => b"[",
        }
    }

    /// What a request ends with.
    const fn after(self) -> &'static [u8] {
        match self {
            Self::Protobuf => b"",
            Self::Json => b"]}",
            Self::Zipkin => b"]",
        }
    }
}
