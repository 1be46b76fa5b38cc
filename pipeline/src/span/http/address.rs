//! Who is asked, and who asks: the logical names behind addresses, fields and proxies.

use std::net::{IpAddr, Ipv6Addr};

use memchr::{memchr, memrchr};
use onlooker_protocol::http::HttpFacts;

use crate::span::describe::Vantage;
use crate::span::model::{Text, address_text};

/// A host with the port that is written behind it.
type HostPort = (Option<Text>, Option<u16>);

/// The scheme between this process and its peer.
pub(super) fn own_scheme<'a>(facts: &'a HttpFacts, vantage: &Vantage<'_>) -> &'a str {
    match &facts.scheme {
        Some(scheme) => scheme.name(),
        None if vantage.tls => "https",
        None => "http",
    }
}

/// The scheme that the original client used, as far as proxies tell it.
pub(super) fn client_scheme<'a>(facts: &'a HttpFacts, vantage: &Vantage<'_>) -> &'a str {
    let told = facts.forwarded.as_ref().and_then(|forwarded| forwarded.proto());
    match told {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        Some(scheme) if scheme.eq_ignore_ascii_case("http") => "http",
        _ => own_scheme(facts, vantage),
    }
}

/// `server.address` and `server.port` of a call: the URL's host, else the peer.
pub(super) fn asked_server(facts: &HttpFacts, vantage: &Vantage<'_>, scheme: &str) -> HostPort {
    let authority = facts.authority.as_deref().or(facts.host.as_deref());
    named(authority, scheme).unwrap_or_else(|| numbered(vantage))
}

/// `server.address` and `server.port` of a served request: the name that the client used.
pub(super) fn local_server(facts: &HttpFacts, vantage: &Vantage<'_>, scheme: &str) -> HostPort {
    let forwarded = facts.forwarded.as_ref().and_then(|forwarded| forwarded.host());
    let authority = forwarded.or(facts.authority.as_deref()).or(facts.host.as_deref());
    named(authority, scheme).unwrap_or_else(|| numbered(vantage))
}

/// `client.address`: what the first proxy tells of the request, or of the connection, else the peer.
pub(super) fn client(facts: &HttpFacts, vantage: &Vantage<'_>) -> Option<Text> {
    let forwarded = facts.forwarded.as_deref();
    let told = forwarded.and_then(|forwarded| {
        [&forwarded.standard_for, &forwarded.x_for]
            .into_iter()
            .flatten()
            .find(|node| is_address(split(node).0))
    });
    match told {
        Some(node) => Some(Text::from(split(node).0)),
        None => vantage.client.map(address_text).or_else(|| vantage.peer_address()),
    }
}

/// The peer as the authority of a URL, for requests that name no host.
pub(super) fn of_peer(vantage: &Vantage<'_>, scheme: &str) -> Option<String> {
    let (address, port) = vantage.server()?;
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    Some(if default_port(scheme) == Some(port) { host } else { format!("{host}:{port}") })
}

/// Host and port of an authority; the scheme's port where none is written.
fn named(authority: Option<&str>, scheme: &str) -> Option<HostPort> {
    let authority = authority?;
    let user = memrchr(b'@', authority.as_bytes());
    let host_port = user.map_or(authority, |at| &authority[at + 1..]);
    let (host, port) = split(host_port);
    if host.is_empty() {
        return None;
    }
    Some((Some(Text::from(host)), port.or(default_port(scheme))))
}

fn numbered(vantage: &Vantage<'_>) -> HostPort {
    match vantage.server() {
        Some((address, port)) => (Some(address_text(address)), Some(port)),
        None => (vantage.unix_path.map(Text::from), None),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "ftp" => Some(21),
        _ => None,
    }
}

/// Whether a proxy's word for its client is an address or a name, and no `unknown`, obfuscated
/// identifier (RFC 7239 §6) or whatever else a client has put there.
fn is_address(node: &str) -> bool {
    let of_address = |byte: u8| byte.is_ascii_alphanumeric() || b".:-%".contains(&byte);
    !node.eq_ignore_ascii_case("unknown")
        && node.bytes().all(of_address)
        && node.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Splits `host:port`, `[v6]:port`, `host` and a bare IPv6 address.
fn split(text: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    let Some(colon) = memrchr(b':', text.as_bytes()) else { return (text, None) };
    let (host, port) = (&text[..colon], &text[colon + 1..]);
    // A name or an IPv4 address has at most the colon before its port.
    if memchr(b':', host.as_bytes()).is_some() && text.parse::<Ipv6Addr>().is_ok() {
        return (text, None);
    }
    (host, port.parse().ok())
}
