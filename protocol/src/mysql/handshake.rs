//! The opening of a connection.
//!
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>

use super::System;
use super::packet::{Fields, Head, Integers};

/// What both sides can do, as far as it changes how the connection is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities(pub(super) u32);

impl Capabilities {
    /// Unset by MariaDB, where the other names it `CLIENT_LONG_PASSWORD`.
    pub(super) const MYSQL: u32 = 1;
    pub(super) const CONNECT_WITH_DB: u32 = 1 << 3;
    pub(super) const COMPRESS: u32 = 1 << 5;
    pub(super) const PROTOCOL_41: u32 = 1 << 9;
    pub(super) const SSL: u32 = 1 << 11;
    pub(super) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(super) const PLUGIN_AUTH_LENENC: u32 = 1 << 21;
    pub(super) const DEPRECATE_EOF: u32 = 1 << 24;
    pub(super) const ZSTD: u32 = 1 << 26;

    pub(super) const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// The server's first packet (protocol version 10).
#[derive(Clone, Copy, Debug)]
pub(super) struct Greeting {
    pub(super) system: System,
    pub(super) capabilities: Capabilities,
}

impl Greeting {
    /// `None` if the payload is no greeting.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        if fields.byte()? != 10 {
            return None;
        }
        let version = fields.cstring()?;
        if version.len() > 128 || !version.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return None;
        }
        // Connection id, the first part of the scramble, a filler.
        fields.take(4 + 8)?;
        if fields.byte()? != 0 {
            return None;
        }
        let low = fields.number(2)?;
        // Character set and status; servers of old end before.
        fields.take(3);
        let high = fields.number(2).unwrap_or(0);
        let capabilities = Capabilities((high << 16 | low) as u32);
        let mariadb = version.windows(7).any(|word| word.eq_ignore_ascii_case(b"mariadb"));
        let system = if mariadb { System::Mariadb } else { System::Mysql };
        Some(Self { system, capabilities })
    }
}

/// The client's answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response<'a> {
    pub(super) capabilities: Capabilities,
    /// `None` if TLS starts instead.
    pub(super) user: Option<&'a [u8]>,
    pub(super) database: Option<&'a [u8]>,
}

impl<'a> Response<'a> {
    /// `None` if the payload is no HandshakeResponse41 and no SSLRequest.
    pub(super) fn read(payload: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        let capabilities = Capabilities(fields.number(4)? as u32);
        if !capabilities.has(Capabilities::PROTOCOL_41) {
            return Self::read_320(payload);
        }
        // The longest packet, the character set, a filler (whose end MariaDB uses).
        fields.take(4 + 1)?;
        if fields.take(19)?.iter().any(|&byte| byte != 0) {
            return None;
        }
        fields.take(4)?;
        if fields.0.is_empty() && capabilities.has(Capabilities::SSL) {
            return Some(Self { capabilities, user: None, database: None });
        }
        let user = fields.cstring()?;
        let scramble = if capabilities.has(Capabilities::PLUGIN_AUTH_LENENC) {
            fields.counted()
        } else if capabilities.has(Capabilities::SECURE_CONNECTION) {
            fields.byte().and_then(|length| fields.take(length.into()))
        } else {
            fields.cstring()
        };
        let with_database = capabilities.has(Capabilities::CONNECT_WITH_DB) && scramble.is_some();
        let database = with_database.then(|| fields.cstring()).flatten();
        Some(Self { capabilities, user: Some(user), database })
    }

    /// The form before 4.1: capabilities and longest packet are shorter.
    fn read_320(payload: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        let capabilities = Capabilities(fields.number(2)? as u32);
        fields.take(3)?;
        let user = fields.cstring()?;
        let database = if capabilities.has(Capabilities::CONNECT_WITH_DB) {
            fields.cstring().and_then(|_| fields.cstring())
        } else {
            None
        };
        Some(Self { capabilities, user: Some(user), database })
    }

    /// Whether a packet from the client is such an answer, and beyond doubt: how plaintext behind
    /// TLS starts, where the greeting was said before.
    pub(super) fn is_certain(head: Head, payload: &'a [u8]) -> bool {
        matches!(head.sequence, 1 | 2)
            && (33..1 << 16).contains(&head.length)
            && Self::read(payload).is_some_and(|response| {
                response.capabilities.has(Capabilities::PROTOCOL_41)
                    && response.user.is_some_and(|user| {
                        user.len() <= 128 && user.iter().all(|&byte| byte >= b' ')
                    })
            })
    }
}

/// COM_CHANGE_USER: the new user and database.
/// <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_change_user.html>
pub(super) fn changed_user(
    body: &[u8],
    capabilities: Option<Capabilities>,
) -> Option<(&[u8], &[u8])> {
    let mut fields = Fields(body);
    let user = fields.cstring()?;
    if capabilities.is_none_or(|known| known.has(Capabilities::SECURE_CONNECTION)) {
        let length = fields.byte()?;
        fields.take(length.into())?;
    } else {
        fields.cstring()?;
    }
    Some((user, fields.cstring()?))
}
