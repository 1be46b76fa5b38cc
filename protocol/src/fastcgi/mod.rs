//! FastCGI: how a web server hands HTTP requests to an application (PHP-FPM, among others).
//!
//! Source of fact: the FastCGI specification 1.0. A request is an HTTP request in another dress:
//! `PARAMS` hold its fields and what the server made of them, `STDOUT` begins with the response's
//! fields as in CGI (RFC 3875 §6). So exchanges are [`Facts::Http`](crate::Facts::Http) with
//! [`HttpFacts::carrier`](crate::http::HttpFacts::carrier) `fastcgi`.
//!
//! Requests are paired by the ids that the protocol gives them, several at a time if need be.
//! Reading order: [`dissector`], [`record`], [`params`] (the request), [`head`] (the response).

use crate::detect::{Evidence, Opening, Protocol};

mod dissector;
mod head;
mod open;
mod params;
mod record;
mod redact;

#[cfg(test)]
mod tests;

pub(crate) use redact::Redactor;

use record::{Header, Kind};

/// FastCGI in the list of protocols. It has no registered port; 9000 is PHP-FPM's custom.
pub static PROTOCOL: Protocol = Protocol {
    name: "fastcgi",
    detect,
    dissector: |from_start| Box::new(dissector::FastCgi::new(from_start)),
    ports: &[9000],
};

/// A `BEGIN_REQUEST` record with a valid role and zeros where zeros must be is 128 bits of which
/// few are free; a record of the same request behind it, or from the server, makes it certain.
fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    let id = match record::begin(opening.client) {
        Some(Ok((id, _))) => id,
        Some(Err(())) => return Evidence::No,
        None => return Evidence::NeedMore,
    };
    let follows = opening.client.get(record::BEGIN_LENGTH..).unwrap_or_default();
    let followed = match Header::parse(follows) {
        _ if follows.is_empty() => false,
        Some(Some(next)) => match next.kind {
            Kind::Params => next.id == id,
            Kind::Begin => true,
            _ => return Evidence::No,
        },
        Some(None) => return Evidence::No,
        None => false,
    };
    let answered = match Header::parse(opening.server) {
        _ if opening.server.is_empty() => false,
        Some(Some(header)) if header.kind.is_from_application() => true,
        Some(_) => return Evidence::No,
        None => false,
    };
    if followed || answered { Evidence::Certain } else { Evidence::Likely }
}
