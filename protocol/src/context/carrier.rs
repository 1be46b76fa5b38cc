//! Finds the contexts among the fields of a request or message.

use super::b3::B3;
use super::datadog::Datadog;
use super::ot_tracer::OtTracer;
use super::{WireContext, cloud_trace, grpc_bin, jaeger, skywalking, w3c, xray};
use crate::names::Names;

/// Reads the trace context from fields, whose names may have any case. If several formats are
/// there and valid, the order is that of [`ContextFormat`](super::ContextFormat).
#[must_use]
pub fn from_headers<'a>(
    fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Option<WireContext> {
    let mut carrier = Carrier::default();
    for (name, value) in fields {
        carrier.field(name, value);
    }
    carrier.finish()
}

/// Collects what the fields of one request say, one field at a time.
///
/// Of a format whose field comes twice the first one counts, but for `traceparent`: two of them
/// are as good as none.
#[derive(Debug, Default)]
pub struct Carrier {
    /// Almost no field is one of a context, and most requests have none.
    found: Option<Box<Found>>,
}

#[derive(Debug, Default)]
struct Found {
    traceparents: u8,
    w3c: Option<WireContext>,
    tracestate: Vec<u8>,
    b3: Option<WireContext>,
    b3_multi: B3,
    jaeger: Option<WireContext>,
    xray: Option<WireContext>,
    cloud_trace: Option<WireContext>,
    ot_tracer: OtTracer,
    datadog: Datadog,
    skywalking: Option<WireContext>,
    grpc_bin: Option<WireContext>,
}

/// The fields that carry contexts, in lower case.
const NAMES: [&[u8]; 20] = [
    b"traceparent",
    b"tracestate",
    b"b3",
    b"x-b3-traceid",
    b"x-b3-spanid",
    b"x-b3-sampled",
    b"x-b3-flags",
    b"uber-trace-id",
    b"x-amzn-trace-id",
    b"awstraceheader",
    b"x-cloud-trace-context",
    b"ot-tracer-traceid",
    b"ot-tracer-spanid",
    b"ot-tracer-sampled",
    b"x-datadog-trace-id",
    b"x-datadog-parent-id",
    b"x-datadog-sampling-priority",
    b"x-datadog-tags",
    b"sw8",
    b"grpc-trace-bin",
];

impl Carrier {
    /// The fields that are read.
    pub(crate) const NAMES: &Names = &Names::new(&NAMES);

    /// Takes one field.
    #[inline]
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        if Self::NAMES.may_hold(name) {
            self.likely_field(name, value);
        }
    }

    fn likely_field(&mut self, name: &[u8], value: &[u8]) {
        if let Some(known) = NAMES.iter().find(|known| name.eq_ignore_ascii_case(known)) {
            self.found.get_or_insert_default().field(known, value);
        }
    }

    /// The context, if one of the formats was there and valid.
    #[must_use]
    pub fn finish(self) -> Option<WireContext> {
        self.found?.parent()
    }

    /// A context that can be linked to, but is nobody's parent: SkyWalking's ids are no W3C ids,
    /// and are mapped to such the way the OpenTelemetry Collector's receiver does.
    pub fn take_link(&mut self) -> Option<WireContext> {
        self.found.as_mut()?.skywalking.take()
    }
}

impl Found {
    fn field(&mut self, name: &[u8], value: &[u8]) {
        let raw = value;
        let value = value.trim_ascii();
        let first = |slot: &mut Option<WireContext>, read: fn(&[u8]) -> Option<WireContext>| {
            if slot.is_none() {
                *slot = read(value);
            }
        };
        match name {
            b"traceparent" => {
                self.traceparents = self.traceparents.saturating_add(1);
                self.w3c = w3c::traceparent(value);
            }
            b"tracestate" => w3c::append_state(&mut self.tracestate, value),
            b"b3" => first(&mut self.b3, super::b3::single),
            b"x-b3-traceid" => self.b3_multi.trace_id(value),
            b"x-b3-spanid" => self.b3_multi.span_id(value),
            b"x-b3-sampled" => self.b3_multi.sampled(value),
            b"x-b3-flags" => self.b3_multi.flags(value),
            b"uber-trace-id" => first(&mut self.jaeger, jaeger::read),
            b"x-amzn-trace-id" | b"awstraceheader" => first(&mut self.xray, xray::read),
            b"x-cloud-trace-context" => first(&mut self.cloud_trace, cloud_trace::read),
            b"ot-tracer-traceid" => self.ot_tracer.trace_id(value),
            b"ot-tracer-spanid" => self.ot_tracer.span_id(value),
            b"ot-tracer-sampled" => self.ot_tracer.sampled(value),
            b"x-datadog-trace-id" => self.datadog.trace_id(value),
            b"x-datadog-parent-id" => self.datadog.parent_id(value),
            b"x-datadog-sampling-priority" => self.datadog.priority(value),
            b"x-datadog-tags" => self.datadog.tags(value),
            b"sw8" => first(&mut self.skywalking, skywalking::read),
            b"grpc-trace-bin" if self.grpc_bin.is_none() => self.grpc_bin = grpc_bin::read(raw),
            _ => {}
        }
    }

    fn parent(self) -> Option<WireContext> {
        let w3c = self.w3c.filter(|_| self.traceparents == 1).map(|mut context| {
            context.state = w3c::tracestate(&self.tracestate);
            context
        });
        w3c.or(self.b3)
            .or_else(|| self.b3_multi.finish())
            .or(self.jaeger)
            .or(self.xray)
            .or(self.cloud_trace)
            .or_else(|| self.ot_tracer.finish())
            .or_else(|| self.datadog.finish())
            .or(self.grpc_bin)
    }
}
