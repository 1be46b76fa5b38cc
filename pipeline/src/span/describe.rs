//! From an exchange to the protocol's part of a span: name, kind, attributes, status, by the
//! semantic conventions 1.44.0.

use std::borrow::Cow;
use std::net::IpAddr;

use onlooker_protocol::{Exchange, Facts, Side};

use super::model::{Attributes, Kind, Status, Text, address_text};

/// Where an exchange was seen from: one end of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Vantage<'a> {
    /// The traced process is this end of the connection. An exchange whose
    /// [`Exchange::asker`] is this side is an outgoing call.
    pub side: Side,
    /// The traced process's own address and port; `None` for Unix sockets.
    pub local: Option<(IpAddr, u16)>,
    /// The other end's address and port.
    pub peer: Option<(IpAddr, u16)>,
    /// The other end's address as text, where somebody has made it already.
    pub peer_text: Option<&'a Text>,
    /// Who is behind the peer, a proxy that passes the connection on.
    pub client: Option<IpAddr>,
    /// Path of a Unix socket (abstract names start with `@`).
    pub unix_path: Option<&'a str>,
    /// `tcp`, `udp` or `unix`.
    pub transport: &'static str,
    /// The bytes were decrypted TLS. Nothing says so yet: it is what reading TLS plaintext (architecture,
    /// "Known drift") will set.
    pub tls: bool,
    /// The request methods of HTTP that are known, if not those of the semantic conventions.
    pub known_methods: Option<&'a [Box<str>]>,
}

#[cfg(test)]
impl Vantage<'static> {
    /// At one end of a TCP connection.
    pub(crate) fn between(side: Side, client: (IpAddr, u16), server: (IpAddr, u16)) -> Self {
        let (local, peer) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        let unix = Self::over_unix(side, "");
        Self { local: Some(local), peer: Some(peer), unix_path: None, transport: "tcp", ..unix }
    }

    /// At one end of a connection over a Unix socket with a name.
    pub(crate) fn over_unix(side: Side, path: &'static str) -> Self {
        Self {
            side,
            local: None,
            peer: None,
            peer_text: None,
            client: None,
            unix_path: Some(path),
            transport: "unix",
            tls: false,
            known_methods: None,
        }
    }
}

impl Vantage<'_> {
    /// Whether the traced process asked.
    #[must_use]
    pub fn is_asker(&self, exchange: &Exchange) -> bool {
        self.side == exchange.asker
    }

    /// Address and port of the server's end of the connection.
    #[must_use]
    pub fn server(&self) -> Option<(IpAddr, u16)> {
        match self.side {
            Side::Client => self.peer,
            Side::Server => self.local,
        }
    }

    /// The other end's address as text.
    #[must_use]
    pub fn peer_address(&self) -> Option<Text> {
        self.peer.map(|(address, _)| self.text_of_peer(address))
    }

    fn text_of_peer(&self, address: IpAddr) -> Text {
        self.peer_text.cloned().unwrap_or_else(|| address_text(address))
    }

    /// Sets `network.transport`, `network.type`, `network.peer.address` and `.port`.
    pub fn set_network(&self, attributes: &mut Attributes) {
        attributes.set("network.transport", self.transport);
        if let Some((address, port)) = self.peer {
            attributes.set("network.type", if address.is_ipv4() { "ipv4" } else { "ipv6" });
            attributes.set("network.peer.address", self.text_of_peer(address));
            attributes.set("network.peer.port", port);
        } else if let Some((address, _)) = self.local {
            // Whom a datagram that is not connected goes to is not seen.
            attributes.set("network.type", if address.is_ipv4() { "ipv4" } else { "ipv6" });
        } else if let (Side::Client, Some(path)) = (self.side, self.unix_path) {
            // The path is the server's. Clients bind none.
            attributes.set("network.peer.address", Text::from(path));
        }
    }
}

/// The protocol's part of a span.
#[derive(Clone, Debug)]
pub struct Description {
    /// The span's name.
    pub name: Cow<'static, str>,
    /// Its kind.
    pub kind: Kind,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its status.
    pub status: Status,
}

/// Describes an exchange; `None` if the conventions make no span of it at this end (a database
/// statement at the server's end is one: only SERVER spans of HTTP and RPC are asked for there).
#[must_use]
pub fn describe(exchange: &Exchange, vantage: &Vantage<'_>) -> Option<Description> {
    match &exchange.facts {
        Facts::Http(facts) => super::http::describe(exchange, facts, vantage),
        Facts::Grpc(facts) => super::grpc::describe(exchange, facts, vantage),
        Facts::Postgresql(facts) => super::postgresql::describe(exchange, facts, vantage),
        Facts::Mysql(facts) => super::mysql::describe(exchange, facts, vantage),
        Facts::Redis(facts) => super::redis::describe(exchange, facts, vantage),
        Facts::Kafka(facts) => super::kafka::describe(exchange, facts, vantage),
        Facts::Amqp(facts) => super::amqp::describe(exchange, facts, vantage),
        Facts::Dns(facts) => super::dns::describe(exchange, facts, vantage),
    }
}
