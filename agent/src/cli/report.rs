//! What a replay has to say beside spans: a line a connection, and a summary a capture.

use std::fmt;
use std::io::Write;
use std::path::Path;

use onlooker_pipeline::connection::{Connection, Taken};
use onlooker_pipeline::process::Processes;
use onlooker_pipeline::{Pipeline, PipelineCounters};
use onlooker_protocol::Side;
use onlooker_protocol::detect::Evidence;
use onlooker_replay::recording::{self, Head, Payloads};
use onlooker_replay::{Counters, Ended};

use super::failures::Failures;
use super::summary::{Account, list, not_understood};
use crate::sink::escape;
use crate::words::counted;

/// Prints the connections that ended, if they are wanted.
pub(super) fn print_ended<P: Processes>(
    wanted: bool,
    pipeline: &mut Pipeline<P>,
) -> std::io::Result<()> {
    let ended = pipeline.take_ended();
    if !wanted || ended.is_empty() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    for connection in &ended {
        writeln!(out, "{}", Line(connection))?;
    }
    Ok(())
}

/// One connection: what it was taken for, on what evidence, and what came of it.
struct Line<'a>(&'a Connection);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Connection { endpoint, conversation, exchanges, .. } = self.0;
        let (mut client, mut server) = match endpoint.side {
            Side::Client => (endpoint.local, endpoint.peer),
            Side::Server => (endpoint.peer, endpoint.local),
        };
        if conversation.flipped() {
            std::mem::swap(&mut client, &mut server);
        }
        let transport = endpoint.transport.name();
        write!(f, "{transport} {} → {}: ", End(client), End(server))?;
        match conversation.taken() {
            Taken::For(protocol, evidence) => {
                let evidence = match evidence {
                    Evidence::Certain => "certain",
                    _ => "likely",
                };
                write!(f, "{protocol} ({evidence}")?;
            }
            Taken::Undecided => f.write_str("undecided (too little was seen")?,
            Taken::Opaque(why) => write!(f, "not read ({why}")?,
        }
        f.write_str(match (endpoint.seen_opening, conversation.flipped()) {
            (true, _) => "; its start was seen)",
            (false, false) => "; its start was not seen)",
            (false, true) => "; its start was not seen, the roles follow from what was said)",
        })?;
        let doubts = conversation.doubts();
        write!(f, ", {}", counted(*exchanges, "exchange(s)"))?;
        for (n, what) in [
            (doubts.not_understood, "not understood"),
            (doubts.lost, "lost in holes"),
            (u64::from(doubts.demotions), "time(s) taken for another protocol"),
        ] {
            if n > 0 {
                write!(f, ", {}", counted(n, what))?;
            }
        }
        Ok(())
    }
}

struct End(Option<(std::net::IpAddr, u16)>);

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(end) => std::net::SocketAddr::from(end).fmt(f),
            None => f.write_str("?"),
        }
    }
}

/// The account of one capture.
pub(super) struct Summary<'a> {
    pub(super) path: &'a Path,
    pub(super) spans: u64,
    pub(super) ended: Ended,
    pub(super) unreadable_records: u64,
    pub(super) wire: &'a Counters,
    pub(super) pipeline: PipelineCounters,
    pub(super) failures: Failures,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, spans, ended, unreadable_records, wire, pipeline, failures } = self;
        writeln!(
            f,
            "onlooker: {}: {} from {} on {} in {}",
            path.display(),
            counted(*spans, "span(s)"),
            counted(pipeline.exchanges, "exchange(s)"),
            counted(wire.connections, "connection(s)"),
            counted(wire.frames, "frame(s)")
        )?;
        if *ended != Ended::Complete {
            writeln!(f, "  {ended}")?;
        }
        for (link, frames) in &wire.unknown_links {
            let frames = counted(*frames, "frame(s)");
            writeln!(f, "  {frames} of link type {link}, which is not known")?;
        }
        list(
            f,
            "not read",
            &[
                (*unreadable_records, "record(s) of the file"),
                (wire.not_ip, "frame(s) without IP"),
                (wire.other_transport, "packet(s) that (is|are) neither TCP nor UDP"),
                (wire.too_deep, "packet(s) within too many tunnels"),
                (wire.malformed, "malformed packet(s)"),
                (wire.fragments_lost, "fragment(s) of incomplete packets"),
                (wire.after_end, "segment(s) after a connection's end"),
                (wire.out_of_window, "segment(s) from nowhere"),
            ],
        )?;
        for (protocol, packets) in &wire.other_transports {
            // Every network has ICMP; others may carry what somebody looks for.
            if let Some(name) = transport(*protocol) {
                let packets = counted(*packets, "of these packets (is|are)");
                writeln!(f, "    {packets} {name}")?;
            }
        }
        for (tunnel, packets) in &wire.tunnels {
            let packets = counted(*packets, "packet(s)");
            writeln!(f, "  {packets} within {tunnel}, read")?;
        }
        list(
            f,
            "in the capture",
            &[
                (wire.missing_bytes, "byte(s) missing"),
                (wire.cut_frames, "frame(s) cut"),
                (wire.copied_segments, "segment(s) seen twice, with other addresses"),
                (wire.copied_datagrams, "datagram(s) seen twice"),
                (wire.repeated_bytes, "byte(s) repeated"),
                (wire.conflicting_overlaps, "of the repeats with another content"),
                (wire.keep_alives, "keep-alive probe(s)"),
                (wire.forgotten, "connection(s) forgotten: there were too many"),
            ],
        )?;
        write!(f, "{failures}")?;
        not_understood(f, pipeline)?;
        list(
            f,
            "lost",
            &[(pipeline.lost, "message(s) that (was|were) cut short, or had no sure counterpart")],
        )
    }
}

/// The name of an IP protocol that may carry what is not read; `None` for ICMP.
fn transport(protocol: u8) -> Option<String> {
    let name = match protocol {
        1 | 58 => return None,
        2 => "IGMP",
        50 => "ESP, which is encrypted (IPsec)",
        51 => "AH (IPsec)",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        115 => "L2TP",
        132 => "SCTP",
        other => return Some(format!("of IP protocol {other}")),
    };
    Some(name.to_owned())
}

/// The account of one event file.
pub(super) struct EventSummary<'a> {
    pub(super) path: &'a Path,
    pub(super) head: &'a Head,
    pub(super) ended: recording::Ended,
    pub(super) read: recording::Counters,
    /// Frames that were not recorded, and their bytes.
    pub(super) left_out: (u64, u64),
    pub(super) nameless: u64,
    pub(super) account: Account,
}

impl fmt::Display for EventSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, head, ended, read, left_out, nameless, account } = self;
        write!(f, "onlooker: {}: {account}", path.display())?;
        let payloads = match head.payloads {
            Payloads::Redacted => "payloads masked",
            Payloads::Complete => "complete payloads",
        };
        // What stands in a file may be anybody's: nothing of it reaches the terminal unescaped.
        let (agent, kernel) = (escape(&head.agent), escape(&head.kernel));
        writeln!(f, "  recorded by Onlooker {agent} on Linux {kernel}, {payloads}")?;
        if *ended != recording::Ended::Complete {
            writeln!(f, "  {ended}")?;
        }
        list(
            f,
            "not in the file",
            &[(left_out.0, "frame(s): its limit was reached"), (left_out.1, "byte(s) in those")],
        )?;
        list(
            f,
            "not read",
            &[
                (read.damaged, "damaged frame(s)"),
                (read.unknown, "frame(s) of unknown kinds"),
                (read.unread_bytes, "byte(s) behind the last frame that was found"),
                (*nameless, "process(es): there were too many"),
            ],
        )
    }
}
