//! Reading records out of bytes that may be cut or wrong.

use crate::event::{ConnectFailure, Data, Header, Kind, Process, Socket, SocketEnd};
use crate::map::Globals;

/// A record, borrowed from the ring buffer or from a recording.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// Bytes, with what was captured of them.
    Data(Data, &'a [u8]),
    /// A socket.
    Socket(Socket),
    /// A socket's end.
    SocketEnd(SocketEnd),
    /// A connection that did not come about.
    ConnectFailure(ConnectFailure),
    /// Something about a process.
    Process(Kind, Process),
}

/// Types that any bit pattern of the right length is a value of.
///
/// # Safety
///
/// `repr(C)`, no padding, no field with invalid values, no references.
unsafe trait Plain: Copy {}
// SAFETY: integers and arrays of integers only, laid out without padding (see the field order).
unsafe impl Plain for Header {}
// SAFETY: as above.
unsafe impl Plain for Data {}
// SAFETY: as above.
unsafe impl Plain for Socket {}
// SAFETY: as above.
unsafe impl Plain for SocketEnd {}
// SAFETY: as above.
unsafe impl Plain for ConnectFailure {}
// SAFETY: as above.
unsafe impl Plain for Process {}
// SAFETY: as above.
unsafe impl Plain for Globals {}

fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    if bytes.len() < size_of::<T>() {
        return None;
    }
    // SAFETY: the length was checked, the read is unaligned, and `T` accepts any bit pattern.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// Reads a record; `None` if it is too short or of no known kind.
#[must_use]
pub fn record(bytes: &[u8]) -> Option<Record<'_>> {
    let header: Header = read(bytes)?;
    let kind = match header.kind {
        1 => {
            let data: Data = read(bytes)?;
            let payload = bytes.get(size_of::<Data>()..)?.get(..header.captured as usize)?;
            return Some(Record::Data(data, payload));
        }
        2 => return read(bytes).map(Record::Socket),
        3 => return read(bytes).map(Record::SocketEnd),
        4 => Kind::Exec,
        5 => Kind::Exit,
        6 => Kind::Fork,
        7 => Kind::Listen,
        8 => Kind::ThreadExit,
        9 => return read(bytes).map(Record::ConnectFailure),
        _ => return None,
    };
    read(bytes).map(|process| Record::Process(kind, process))
}

/// The bytes of a record's fixed part, for recordings and tests.
pub trait AsBytes: Sized {
    /// As they lie in memory.
    fn as_bytes(&self) -> &[u8];
}

impl<T: Plain> AsBytes for T {
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: `Plain` types have no padding, so every byte is initialised.
        unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<T>()) }
    }
}
