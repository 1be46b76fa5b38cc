//! Semantic conventions of HTTP (stable): <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.

mod address;
mod api;

use std::borrow::Cow;
use std::net::Ipv6Addr;

use onlooker_protocol::http::{HttpFacts, Method};
use onlooker_protocol::{Ending, Exchange, Outcome};

use super::describe::{Description, Vantage};
use super::model::{Attributes, Kind, Status, Text};
use super::redact;

pub(super) fn describe(
    exchange: &Exchange,
    facts: &HttpFacts,
    vantage: &Vantage<'_>,
) -> Option<Description> {
    let kind = if vantage.is_asker(exchange) { Kind::Client } else { Kind::Server };
    let mut attributes = Attributes::with_room();

    let method = facts.method.as_ref().and_then(|method| known_method(method, vantage));
    attributes.set("http.request.method", method.clone().unwrap_or("_OTHER".into()));
    if let (Some(original), None) = (&facts.method, &method) {
        attributes.set("http.request.method_original", Text::from(original.name()));
    }
    match kind {
        Kind::Client => client(facts, vantage, &mut attributes),
        _ => server(facts, vantage, &mut attributes),
    }
    attributes.set_some("http.response.status_code", facts.status);
    vantage.set_network(&mut attributes);
    match facts.carrier {
        Some(protocol) => attributes.set("network.protocol.name", protocol),
        None => attributes.set("network.protocol.version", facts.version.name()),
    }

    let api = facts.api.as_deref();
    let name = api.and_then(api::name).or(method).unwrap_or("HTTP".into());
    if let Some(api) = api {
        api::set(api, facts, &mut attributes);
    }
    let failed = facts.status.is_some_and(|status| is_bad(status, kind));
    let error = api
        .and_then(|api| api::error(api, facts, failed))
        .or_else(|| error_type(exchange, facts, kind));
    let status = if error.is_some() { Status::Error("".into()) } else { Status::Unset };
    attributes.set_some("error.type", error);
    Some(Description { name, kind, attributes, status })
}

/// A method's name, if it is one of those that are known.
fn known_method(method: &Method, vantage: &Vantage<'_>) -> Option<Cow<'static, str>> {
    match vantage.known_methods {
        None => method.known().map(Cow::Borrowed),
        Some(known) => {
            let name = known.iter().find(|&known| **known == *method.name())?;
            Some(method.known().map_or_else(|| Cow::Owned(name.to_string()), Cow::Borrowed))
        }
    }
}

fn client(facts: &HttpFacts, vantage: &Vantage<'_>, attributes: &mut Attributes) {
    let scheme = address::own_scheme(facts, vantage);
    if let Some(url) = full_url(facts, vantage, scheme) {
        attributes.set("url.full", url);
    }
    set_server(address::asked_server(facts, vantage, scheme), attributes);
}

fn server(facts: &HttpFacts, vantage: &Vantage<'_>, attributes: &mut Attributes) {
    let scheme = address::client_scheme(facts, vantage);
    attributes.set("url.scheme", Text::from(scheme));
    if let Some(path) = facts.path.as_deref().filter(|_| facts.method != Some(Method::Connect)) {
        attributes.set("url.path", Text::from(redact::path(path)));
    }
    if let Some(query) = facts.query.as_deref().filter(|query| !query.is_empty()) {
        attributes.set("url.query", Text::from(redact::query(query)));
    }
    set_server(address::local_server(facts, vantage, scheme), attributes);
    attributes.set_some("client.address", address::client(facts, vantage));
    let user_agent = facts.user_agent.as_deref().filter(|text| !text.is_empty());
    attributes.set_some("user_agent.original", user_agent.map(Text::from));
}

fn set_server((address, port): (Option<Text>, Option<u16>), attributes: &mut Attributes) {
    if let Some(address) = address {
        attributes.set("server.address", address);
        attributes.set_some("server.port", port);
    }
}

/// `url.full`. A `CONNECT` has none: its target is no URL. Where nobody names a host, as on Unix
/// sockets, it is a reference without one (RFC 3986 §4.2).
fn full_url(facts: &HttpFacts, vantage: &Vantage<'_>, scheme: &str) -> Option<String> {
    if facts.method == Some(Method::Connect) {
        return None;
    }
    // The asterisk form stands for a URL without path (RFC 9112 §3.3).
    let path = facts.path.as_deref()?;
    let path = if path == "*" { "" } else { path };
    let authority = facts.authority.as_deref().or(facts.host.as_deref());
    let authority = match authority.filter(|text| !text.is_empty()) {
        // Brackets were forgotten.
        Some(authority) if authority.parse::<Ipv6Addr>().is_ok() => {
            Some(format!("[{authority}]").into())
        }
        Some(authority) => Some(redact::authority(authority)),
        None => address::of_peer(vantage, scheme).map(Cow::Owned),
    };
    let path = redact::path(path);
    let query = facts.query.as_deref().map(redact::query);
    let length = query.as_ref().map_or(0, |query| query.len() + 1) + path.len();
    let before = authority.as_ref().map_or(0, |authority| scheme.len() + 4 + authority.len());
    let mut url = String::with_capacity(before + length);
    if let Some(authority) = authority {
        for piece in [scheme, "://", &authority] {
            url.push_str(piece);
        }
        // A target that is no path must not become a part of the host.
        if !path.is_empty() && !path.starts_with('/') {
            url.push('/');
        }
    }
    url.push_str(&path);
    if let Some(query) = query {
        url.push('?');
        url.push_str(&query);
    }
    (!url.is_empty()).then_some(url)
}

/// Whether a status is an error: 4xx is none of a server's.
fn is_bad(status: u16, kind: Kind) -> bool {
    status >= if kind == Kind::Client { 400 } else { 500 }
}

/// `error.type`: by the status, else by how it ended.
fn error_type(exchange: &Exchange, facts: &HttpFacts, kind: Kind) -> Option<Cow<'static, str>> {
    if let Some(status) = facts.status.filter(|&status| is_bad(status, kind)) {
        return Some(status.to_string().into());
    }
    if facts.error.is_some() {
        return facts.error.clone();
    }
    match exchange.outcome {
        Outcome::Aborted(Ending::Closed) => Some("connection_closed".into()),
        Outcome::Aborted(Ending::Reset) => Some("connection_reset".into()),
        Outcome::Cancelled => Some("cancelled".into()),
        Outcome::Aborted(Ending::Forgotten)
        | Outcome::Complete
        | Outcome::OneWay
        | Outcome::Inferred => None,
    }
}

#[cfg(test)]
mod tests;
