//! Which bytes of a record may be in a file: [`onlooker_protocol::redact`], a connection at a time.

use std::borrow::Cow;
use std::collections::HashMap;

use onlooker_common::event::{Data, direction, flag};
use onlooker_common::run::{Run, runs};
use onlooker_common::view::Record;
use onlooker_pipeline::span::{Resource, Text, Value};
use onlooker_protocol::redact::{self, MASK, Way};

/// Connections whose conversations are followed. Beyond, all of them are forgotten: what is said on
/// them is masked until it can be recognised anew.
const MOST_CONNECTIONS: usize = 16 * 1024;

/// Attributes of resources that are in every file: what names a service and its process. What else is
/// there names the machine, or was set by its owner.
const ATTRIBUTES: [&str; 13] = [
    "container.id",
    "os.type",
    "process.executable.name",
    "process.executable.path",
    "process.pid",
    "service.instance.id",
    "service.name",
    "service.namespace",
    "service.version",
    "telemetry.distro.name",
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
];

/// The resource with the texts of other attributes masked.
pub fn resource(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    let mask = |text: &mut Text| *text = text.chars().map(|_| char::from(MASK)).collect();
    let others = |(key, _): &&mut (Cow<'_, str>, Value)| !ATTRIBUTES.contains(&key.as_ref());
    for (_, value) in resource.attributes.0.iter_mut().filter(others) {
        match value {
            Value::Text(text) => mask(text),
            Value::Texts(texts) => texts.iter_mut().for_each(mask),
            Value::Int(_) | Value::Bool(_) => {}
        }
    }
    resource
}

/// Redacts records in the order in which the kernel told them.
#[derive(Debug, Default)]
pub struct Redactor {
    /// By the socket's address and inode.
    connections: HashMap<(u64, u32), Connection>,
}

#[derive(Debug, Default)]
struct Connection {
    talk: redact::Redactor,
    /// The position of the next byte received and sent, in 32 bits.
    next: [Option<u32>; 2],
}

impl Redactor {
    /// The record with only what may leave of its payload, which is put into `payload`.
    pub fn redact<'a>(&mut self, record: &Record<'_>, payload: &'a mut Vec<u8>) -> Record<'a> {
        payload.clear();
        match record {
            Record::Data(data, bytes) => {
                self.data(data, bytes, payload);
                Record::Data(*data, payload)
            }
            Record::Socket(socket) => {
                // Another socket at the same address.
                self.connections.remove(&(socket.socket, socket.inode));
                Record::Socket(*socket)
            }
            Record::SocketEnd(end) => {
                self.connections.remove(&(end.socket, end.inode));
                Record::SocketEnd(*end)
            }
            Record::ConnectFailure(failure) => Record::ConnectFailure(*failure),
            Record::Process(kind, process) => Record::Process(*kind, *process),
        }
    }

    fn data(&mut self, data: &Data, bytes: &[u8], out: &mut Vec<u8>) {
        if data.flags & flag::DATAGRAM != 0 {
            let is_whole = data.offset == 0 && data.place.length as usize == bytes.len();
            if is_whole && data.flags & flag::END == 0 {
                redact::datagram(bytes, out);
            } else {
                out.resize(bytes.len(), MASK);
            }
            return;
        }
        if data.flags & flag::END != 0 {
            out.resize(bytes.len(), MASK);
            return;
        }
        let key = (data.place.socket, data.place.inode);
        if self.connections.len() >= MOST_CONNECTIONS && !self.connections.contains_key(&key) {
            self.connections.clear();
        }
        let Connection { talk, next } = self.connections.entry(key).or_default();
        let way = if data.direction == direction::OUT { Way::Out } else { Way::In };
        let next = &mut next[usize::from(way == Way::Out)];
        let position = (data.place.position as u32).wrapping_add(data.offset);
        if let Some(expected) = *next {
            let ahead = position.wrapping_sub(expected).cast_signed();
            if ahead < 0 {
                // It was overtaken, or it is told twice.
                lay_out(data, bytes, out, |run, out| {
                    out.resize(out.len() + run.bytes.len(), MASK);
                });
                return;
            }
            talk.skip(way, ahead.unsigned_abs().into());
        }
        let mut passed = 0_u32;
        lay_out(data, bytes, out, |Run { offset, bytes, missing }, out| {
            talk.run(way, offset == 0, bytes, out);
            talk.skip(way, missing.into());
            passed = passed.wrapping_add(bytes.len() as u32).wrapping_add(missing);
        });
        *next = Some(position.wrapping_add(passed));
    }
}

/// Lays a record's payload out as it was, with each run's bytes put there by `put`.
fn lay_out(
    data: &Data,
    payload: &[u8],
    out: &mut Vec<u8>,
    mut put: impl FnMut(Run<'_>, &mut Vec<u8>),
) {
    let mut before = 0_u32;
    for run in runs(data, payload) {
        if data.flags & flag::SPARSE != 0 && !run.bytes.is_empty() {
            out.extend_from_slice(&before.to_le_bytes());
            out.extend_from_slice(&(run.bytes.len() as u32).to_le_bytes());
        }
        put(run, out);
        before = run.missing;
    }
    // An empty piece at the end.
    out.resize(payload.len(), 0);
}

#[cfg(test)]
mod tests {
    use onlooker_common::event::{Data, Place, direction, flag};
    use onlooker_common::run::{Run, runs};
    use onlooker_common::view::Record;

    use super::Redactor;

    #[test]
    fn pieces_are_masked_and_lie_where_they_lay() {
        let place = Place { socket: 8, length: 100, ..Place::default() };
        let data =
            Data { place, direction: direction::OUT, flags: flag::SPARSE, ..Data::default() };
        let payload = b"\x05\0\0\0\x06\0\0\0secret\x07\0\0\0\x02\0\0\0so\0\0\0\0\0\0\0\0";
        let mut masked = Vec::new();
        let mut redactor = Redactor::default();
        // The second time it is told twice.
        for _ in 0..2 {
            let record = redactor.redact(&Record::Data(data, payload), &mut masked);
            let Record::Data(of, payload) = record else { panic!("{record:?}") };
            let expected: [(u32, &[u8], u32); 4] =
                [(0, b"", 5), (5, b"xxxxxx", 7), (18, b"xx", 0), (20, b"", 80)];
            let expected = expected.map(|(offset, bytes, missing)| Run { offset, bytes, missing });
            assert_eq!(runs(&of, payload).collect::<Vec<_>>(), expected);
        }
    }
}
