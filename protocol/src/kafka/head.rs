//! Message heads (Kafka protocol guide, "Protocol Design", "Headers").

use super::Api;
use super::wire::{Cursor, Read, Stop};

/// The longest message that is believed, in bytes. Brokers take requests of up to 100 MiB
/// (`socket.request.max.bytes`); responses are of 50 MiB unless one batch is longer.
const MESSAGE_LIMIT: i32 = 512 * 1024 * 1024;
/// The longest client id that is believed, in bytes.
const CLIENT_ID_LIMIT: usize = 1024;
/// How far a request's version may be above what is known here: its head has been the same since
/// 2.4, so it can still be paired.
const VERSIONS_AHEAD: i16 = 3;

/// A request's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestHead<'a> {
    pub(super) api: Api,
    pub(super) version: i16,
    pub(super) correlation: i32,
    pub(super) client_id: Option<&'a [u8]>,
    /// Bytes of the message, with the four of its length.
    pub(super) length: u64,
    /// Bytes of the head, with the four of the length.
    pub(super) taken: usize,
}

impl<'a> RequestHead<'a> {
    /// Reads the head at the start of `bytes`. [`Stop::Bad`] as soon as it cannot be one.
    pub(super) fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut fields = Cursor::new(bytes);
        let size = size(&mut fields)?;
        let api = Api(fields.int16()?);
        let highest = api.highest().ok_or(Stop::Bad)?;
        let version = fields.int16()?;
        if !(0..=highest + VERSIONS_AHEAD).contains(&version) {
            return Err(Stop::Bad);
        }
        let correlation = fields.int32()?;
        if correlation < 0 {
            return Err(Stop::Bad);
        }
        let client_id = if api == Api::CONTROLLED_SHUTDOWN && version == 0 {
            None
        } else {
            client_id(&mut fields, bytes)?
        };
        fields.tags(api.is_flexible(version))?;
        let length = size as u64 + 4;
        if fields.taken() as u64 > length {
            return Err(Stop::Bad);
        }
        Ok(Self { api, version, correlation, client_id, length, taken: fields.taken() })
    }

    /// Whether the version is one that is known, not only believed. A client opens with the newest
    /// ApiVersions that it has, whatever the broker has (KIP-511).
    pub(super) fn is_known(&self) -> bool {
        self.api == Api::API_VERSIONS
            || self.api.highest().is_some_and(|highest| self.version <= highest)
    }
}

/// The client id, whose text is judged as far as it is here.
fn client_id<'a>(fields: &mut Cursor<'a>, bytes: &'a [u8]) -> Read<Option<&'a [u8]>> {
    let before = *fields;
    let len = match fields.int16()? {
        -1 => return Ok(None),
        len => usize::try_from(len).map_err(|_| Stop::Bad)?,
    };
    let here = bytes.get(fields.taken()..).unwrap_or_default();
    let text = here.get(..len).unwrap_or(here);
    if len > CLIENT_ID_LIMIT || text.iter().any(u8::is_ascii_control) {
        return Err(Stop::Bad);
    }
    *fields = before;
    fields.string(false)
}

/// A response's length, with the four bytes of the length, and its correlation id.
pub(super) fn response(bytes: &[u8]) -> Read<(u64, i32)> {
    let mut fields = Cursor::new(bytes);
    let size = size(&mut fields)?;
    Ok((size as u64 + 4, fields.int32()?))
}

/// The length of a message without a head: a SASL token behind SaslHandshake version 0.
pub(super) fn bare(bytes: &[u8]) -> Read<u64> {
    let mut fields = Cursor::new(bytes);
    match fields.int32()? {
        size @ 0..=MESSAGE_LIMIT => Ok(size as u64 + 4),
        _ => Err(Stop::Bad),
    }
}

/// A message's length, which has room for a correlation id at least.
fn size(fields: &mut Cursor<'_>) -> Read<i32> {
    match fields.int32()? {
        size @ 4..=MESSAGE_LIMIT => Ok(size),
        _ => Err(Stop::Bad),
    }
}
