//! Tables of valid and invalid contexts, from the formats' specifications.

use super::{ContextFormat, WireContext, from_headers};
use crate::context::Carrier;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn read(fields: &[(&str, &str)]) -> Option<WireContext> {
    from_headers(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asserts the ids, the decision and the format.
fn is(
    fields: &[(&str, &str)],
    trace: &str,
    span: &str,
    sampled: Option<bool>,
    format: ContextFormat,
) {
    let context = read(fields).unwrap_or_else(|| panic!("nothing in {fields:?}"));
    assert_eq!(hex(&context.trace_id), trace, "{fields:?}");
    assert_eq!(hex(&context.span_id), span, "{fields:?}");
    assert_eq!((context.sampled, context.format), (sampled, format), "{fields:?}");
}

fn nothing(fields: &[(&str, &str)]) {
    assert_eq!(read(fields), None, "{fields:?}");
}

/// <https://www.w3.org/TR/trace-context-2/#traceparent-header>.
#[test]
fn traceparent() {
    let w3c = ContextFormat::W3c;
    for (flags, sampled, random) in [
        ("00", false, false),
        ("01", true, false),
        ("02", false, true),
        ("03", true, true),
        ("ff", true, true),
    ] {
        let value = format!("00-{TRACE}-{SPAN}-{flags}");
        is(&[("TraceParent", &value)], TRACE, SPAN, Some(sampled), w3c);
        assert_eq!(read(&[("traceparent", &value)]).unwrap().random, random);
    }
    for valid in [
        format!("  00-{TRACE}-{SPAN}-01\t"),
        format!("cc-{TRACE}-{SPAN}-01"),
        format!("cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
        format!("cc-{TRACE}-{SPAN}-01-"),
    ] {
        is(&[("traceparent", &valid)], TRACE, SPAN, Some(true), w3c);
    }
    for invalid in [
        String::new(),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-01-extra"),
        format!("00-{TRACE}-{SPAN}-01-"),
        format!("cc-{TRACE}-{SPAN}-01.what"),
        format!("00-{}-{SPAN}-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
        format!("0A-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-0A"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}"),
        format!("00_{TRACE}_{SPAN}_01"),
        format!("00-{TRACE}-{SPAN}x-01"),
        format!("0-{TRACE}-{SPAN}-01"),
        format!("00-{}.-{SPAN}-01", &TRACE[1..]),
    ] {
        nothing(&[("traceparent", &invalid)]);
    }
    let value = format!("00-{TRACE}-{SPAN}-01");
    nothing(&[("traceparent", &value), ("Traceparent", &value)]);
}

/// <https://www.w3.org/TR/trace-context-2/#tracestate-header>.
#[test]
fn tracestate() {
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let state = |values: &[&str]| {
        let mut fields = vec![("traceparent", &*parent)];
        fields.extend(values.iter().map(|&value| ("tracestate", value)));
        read(&fields).expect("a bad tracestate never spoils the traceparent").state
    };
    let longest_key = format!("{}=1", "z".repeat(256));
    let longest_value = format!("a={}", "v".repeat(256));
    for valid in [
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "a=1 , \tb=2",
        "t@v=1",
        "0a_-*/=!~",
        "a=1,,b=2",
        &longest_key,
        &longest_value,
    ] {
        assert_eq!(state(&[valid]).as_deref(), Some(valid));
    }
    assert_eq!(state(&["a=1", "b=2"]).as_deref(), Some("a=1,b=2"));
    let members =
        |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    assert!(state(&[&members(32)]).is_some());
    let too_long_key = format!("{}=1", "z".repeat(257));
    let too_long_value = format!("a={}", "v".repeat(257));
    for invalid in [
        "",
        ",",
        "a",
        "=1",
        "A=1",
        "a=1,B=2",
        "a=1,a=2",
        "a=b=c",
        "@v=1",
        "a=\u{e9}",
        "a b=1",
        &members(33),
        &too_long_key,
        &too_long_value,
        "a=\x01",
        &"x=1,".repeat(5000),
    ] {
        assert_eq!(state(&[invalid]), None, "{invalid:?}");
    }
    nothing(&[("tracestate", "a=1")]);
}

/// <https://github.com/openzipkin/b3-propagation#single-header>.
#[test]
fn b3_single() {
    let b3 = ContextFormat::B3;
    for (value, sampled) in [
        (format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90"), Some(true)),
        (format!("{TRACE}-{SPAN}-0"), Some(false)),
        (format!("{TRACE}-{SPAN}-d"), Some(true)),
        (format!("{TRACE}-{SPAN}"), None),
    ] {
        is(&[("b3", &value)], TRACE, SPAN, sampled, b3);
    }
    is(&[("B3", &format!("{SPAN}-{SPAN}-1"))], &format!("{:0>32}", SPAN), SPAN, Some(true), b3);
    for invalid in [
        "0",
        "1",
        "d",
        "",
        &format!("{TRACE}-{SPAN}-x"),
        &format!("{TRACE}-{SPAN}-1-05e3"),
        &format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90-"),
        TRACE,
        &format!("{}-{SPAN}-1", &TRACE[1..]),
        &format!("{}-{SPAN}-1", TRACE.to_uppercase()),
        &format!("{}-{SPAN}-1", "0".repeat(32)),
        &format!("{TRACE}-{}-1", "0".repeat(16)),
    ] {
        nothing(&[("b3", invalid)]);
    }
}

/// <https://github.com/openzipkin/b3-propagation#multiple-headers>.
#[test]
fn b3_multi() {
    let ids =
        [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN), ("X-B3-ParentSpanId", "05e3ac9a4f6e3b90")];
    let with = |more: &[(&'static str, &'static str)]| [&ids[..], more].concat();
    let b3 = ContextFormat::B3Multi;
    is(&with(&[]), TRACE, SPAN, None, b3);
    is(&with(&[("X-B3-Sampled", "1")]), TRACE, SPAN, Some(true), b3);
    is(&with(&[("x-b3-sampled", "0")]), TRACE, SPAN, Some(false), b3);
    is(&with(&[("X-B3-Sampled", "true")]), TRACE, SPAN, Some(true), b3);
    is(&with(&[("X-B3-Flags", "1")]), TRACE, SPAN, Some(true), b3);
    is(&[("X-B3-TraceId", SPAN), ("X-B3-SpanId", SPAN)], &format!("{:0>32}", SPAN), SPAN, None, b3);
    nothing(&ids[..1]);
    nothing(&ids[1..]);
    nothing(&[("X-B3-Sampled", "0")]);
    nothing(&[("X-B3-TraceId", "abc"), ("X-B3-SpanId", SPAN)]);
}

/// <https://www.jaegertracing.io/docs/1.76/sdk-migration/#propagation-format>.
#[test]
fn uber_trace_id() {
    let jaeger = ContextFormat::Jaeger;
    is(&[("Uber-Trace-Id", &format!("{TRACE}:{SPAN}:0:1"))], TRACE, SPAN, Some(true), jaeger);
    is(&[("uber-trace-id", &format!("{TRACE}:{SPAN}:{SPAN}:0"))], TRACE, SPAN, Some(false), jaeger);
    is(&[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:2"))], TRACE, SPAN, Some(true), jaeger);
    is(
        &[("uber-trace-id", &format!("{TRACE}%3A{SPAN}%3a0%3A01"))],
        TRACE,
        SPAN,
        Some(true),
        jaeger,
    );
    is(
        &[("uber-trace-id", "3f9:7B:0:1")],
        &format!("{:0>32}", "3f9"),
        &format!("{:0>16}", "7b"),
        Some(true),
        jaeger,
    );
    for invalid in [
        "",
        "1",
        "1:2:3",
        "1:2:3:1:0",
        "0:1:0:1",
        "1:0:0:1",
        "x:1:0:1",
        "1::0:1",
        "1:2:0:100",
        &format!("1{TRACE}:1:0:1"),
    ] {
        nothing(&[("uber-trace-id", invalid)]);
    }
}

/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.
#[test]
fn x_amzn_trace_id() {
    let trace = "5759e988bd862e3fe1be46a994272793";
    let xray = ContextFormat::XRay;
    for (value, sampled) in [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", Some(true)),
        ("Sampled=0;Parent=53995c3f42cd8ad8;Root=1-5759e988-bd862e3fe1be46a994272793", Some(false)),
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=?", None),
        (
            "Self=1-6-0;Root=1-5759e988-bd862e3fe1be46a994272793; Parent=53995c3f42cd8ad8;Lineage=a:1",
            None,
        ),
    ] {
        is(&[("X-Amzn-Trace-Id", value)], trace, "53995c3f42cd8ad8", sampled, xray);
        is(&[("AWSTraceHeader", value)], trace, "53995c3f42cd8ad8", sampled, xray);
    }
    for invalid in [
        "Root=1-5759e988-bd862e3fe1be46a994272793",
        "Parent=53995c3f42cd8ad8;Sampled=1",
        "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
        "Root=1-5759e98-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
        "Root=1-5759e988-bd862e3fe1be46a99427279;Parent=53995c3f42cd8ad8",
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad",
        "Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8",
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000",
        "",
    ] {
        nothing(&[("X-Amzn-Trace-Id", invalid)]);
    }
}

/// <https://cloud.google.com/trace/docs/trace-context#legacy-http-header>.
#[test]
fn x_cloud_trace_context() {
    let (trace, cloud) = ("105445aa7843bc8bf206b12000100000", ContextFormat::CloudTrace);
    for (value, span, sampled) in [
        ("105445aa7843bc8bf206b12000100000/1;o=1", "0000000000000001", Some(true)),
        (
            "105445aa7843bc8bf206b12000100000/18446744073709551615;o=0",
            "ffffffffffffffff",
            Some(false),
        ),
        ("105445AA7843BC8BF206B12000100000/123", "000000000000007b", None),
    ] {
        is(&[("X-Cloud-Trace-Context", value)], trace, span, sampled, cloud);
    }
    for invalid in [
        "105445aa7843bc8bf206b12000100000",
        "105445aa7843bc8bf206b12000100000/0;o=1",
        "105445aa7843bc8bf206b12000100000/18446744073709551616;o=1",
        "105445aa7843bc8bf206b12000100000/abc;o=1",
        "105445aa7843bc8bf206b1200010000/1;o=1",
        "105445aa7843bc8bf206b12000100000/1;x=1",
    ] {
        nothing(&[("X-Cloud-Trace-Context", invalid)]);
    }
}

#[test]
fn ot_tracer() {
    let ot = ContextFormat::OtTracer;
    let ids = [("ot-tracer-traceid", "80f198ee56343ba8"), ("ot-tracer-spanid", "05e3ac9a4f6e3b90")];
    let trace = "000000000000000080f198ee56343ba8";
    is(
        &[&ids[..], &[("Ot-Tracer-Sampled", "true")]].concat(),
        trace,
        "05e3ac9a4f6e3b90",
        Some(true),
        ot,
    );
    is(
        &[&ids[..], &[("ot-tracer-sampled", "false")]].concat(),
        trace,
        "05e3ac9a4f6e3b90",
        Some(false),
        ot,
    );
    is(&ids, trace, "05e3ac9a4f6e3b90", None, ot);
    nothing(&ids[..1]);
    nothing(&[("ot-tracer-traceid", "xyz"), ids[1]]);
}

/// <https://docs.datadoghq.com/tracing/trace_collection/trace_context_propagation/>.
#[test]
fn datadog() {
    let dd = ContextFormat::Datadog;
    let ids = [
        ("x-datadog-trace-id", "1311768467284833366"),
        ("x-datadog-parent-id", "12379813738877118345"),
    ];
    let span = "abcdef0123456789";
    is(&ids, "00000000000000001234567890123456", span, None, dd);
    for (priority, sampled) in [("2", true), ("1", true), ("0", false), ("-1", false)] {
        let fields = [&ids[..], &[("x-datadog-sampling-priority", priority)]].concat();
        is(&fields, "00000000000000001234567890123456", span, Some(sampled), dd);
    }
    let tags = ("x-datadog-tags", "_dd.p.dm=-1,_dd.p.tid=640cfd8d00000000");
    is(&[ids[0], ids[1], tags], "640cfd8d000000001234567890123456", span, None, dd);
    nothing(&[("x-datadog-trace-id", "0"), ids[1]]);
    nothing(&[ids[0], ("x-datadog-parent-id", "0")]);
    nothing(&[("x-datadog-trace-id", "18446744073709551616"), ids[1]]);
    nothing(&[("x-datadog-trace-id", "12ab"), ids[1]]);
}

/// The example of
/// <https://skywalking.apache.org/docs/main/latest/en/api/x-process-propagation-headers-v3/>, and
/// ids as the Java agent makes them.
#[test]
fn sw8_is_a_link_and_never_a_parent() {
    let link = |value: &str| {
        let mut carrier = Carrier::default();
        carrier.field(b"sw8", value.as_bytes());
        let link = carrier.take_link();
        assert_eq!(carrier.finish(), None);
        link
    };
    // Its ids "1.2.3" and "1.2.4" are none that could be mapped.
    assert_eq!(
        link("1-MS4yLjM=-MS4yLjQ=-4-c2VydmljZQ==-aW5zdGFuY2U=-L2FwcA==-MTI3LjAuMC4xOjgwODA="),
        None
    );
    // "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001", twice.
    let id = "NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDE=";
    let context =
        link(&format!("1-{id}-{id}-0-c2VydmljZQ==-aW5zdGFuY2U=-L2FwcA==-MTI3LjAuMC4xOjgwODA="))
            .unwrap();
    // 12 = 0c 00 00 00; 16563474296430001 = b1 5d af 61 64 d8 3a 00, least significant first.
    assert_eq!(hex(&context.trace_id), "56a5e1c515ae4c7613e51e7cf616977f");
    assert_eq!(hex(&context.span_id), "4540ffb9e3b8db09");
    assert_eq!((context.sampled, context.format), (Some(true), ContextFormat::SkyWalking));
    assert_eq!(link(&format!("2-{id}-{id}-0-a-b-c-d")), None);
    assert_eq!(link(&format!("1-{id}-{id}-0-a-b-c")), None);
}

/// <https://github.com/census-instrumentation/opencensus-specs/blob/master/encodings/BinaryEncoding.md>.
#[test]
fn grpc_trace_bin() {
    let bin = ContextFormat::GrpcTraceBin;
    let (trace, span) = ("404142434445464748494a4b4c4d4e4f", "6162636465666768");
    for value in
        ["AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgE=", "AABAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgE"]
    {
        is(&[("grpc-trace-bin", value)], trace, span, Some(true), bin);
    }
    is(
        &[("grpc-trace-bin", "\0\0@ABCDEFGHIJKLMNO\x01abcdefgh\x02\0")],
        trace,
        span,
        Some(false),
        bin,
    );
    for invalid in
        ["", "AA", "AQBAQUJDREVGR0hJSktMTU5PAWFiY2RlZmdoAgE=", "AABAQUJDREVGR0hJSktMTU5P"]
    {
        nothing(&[("grpc-trace-bin", invalid)]);
    }
}

#[test]
fn the_order_of_formats() {
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let b3 = format!("{SPAN}-{SPAN}-1");
    is(&[("b3", &b3), ("traceparent", &traceparent)], TRACE, SPAN, Some(true), ContextFormat::W3c);
    // An invalid one is as if it were not there.
    let padded = format!("{:0>32}", SPAN);
    is(&[("b3", &b3), ("traceparent", "00-0")], &padded, SPAN, Some(true), ContextFormat::B3);
    nothing(&[("Host", "h"), ("X-Request-Id", TRACE)]);
}
