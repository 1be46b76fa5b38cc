//! The kernel struct fields that the programs follow, taken from BTF.

use onlooker_common::map::Offset;

use super::btf::{Btf, BtfError};

/// One row a field: what the programs call it, and the kernel's struct and field.
const FIELDS: &[(Offset, &str, &str)] = &[
    (Offset::TaskFiles, "task_struct", "files"),
    (Offset::TaskPid, "task_struct", "pid"),
    (Offset::TaskTgid, "task_struct", "tgid"),
    (Offset::TaskSignal, "task_struct", "signal"),
    (Offset::SignalLive, "signal_struct", "live"),
    (Offset::FilesFdt, "files_struct", "fdt"),
    (Offset::FdtableFd, "fdtable", "fd"),
    (Offset::FdtableMaxFds, "fdtable", "max_fds"),
    (Offset::FileInode, "file", "f_inode"),
    (Offset::FilePrivateData, "file", "private_data"),
    (Offset::InodeMode, "inode", "i_mode"),
    (Offset::InodeIno, "inode", "i_ino"),
    (Offset::SocketSk, "socket", "sk"),
    (Offset::SocketType, "socket", "type"),
    (Offset::SocketState, "socket", "state"),
    (Offset::SocketFile, "socket", "file"),
    (Offset::SockFamily, "sock", "__sk_common.skc_family"),
    (Offset::SockNum, "sock", "__sk_common.skc_num"),
    (Offset::SockDport, "sock", "__sk_common.skc_dport"),
    (Offset::SockRcvSaddr, "sock", "__sk_common.skc_rcv_saddr"),
    (Offset::SockDaddr, "sock", "__sk_common.skc_daddr"),
    (Offset::SockV6RcvSaddr, "sock", "__sk_common.skc_v6_rcv_saddr"),
    (Offset::SockV6Daddr, "sock", "__sk_common.skc_v6_daddr"),
    (Offset::SockNet, "sock", "__sk_common.skc_net.net"),
    (Offset::SockProtocol, "sock", "sk_protocol"),
    (Offset::SockErr, "sock", "sk_err"),
    (Offset::SockFlags, "sock", "__sk_common.skc_flags"),
    (Offset::SockState, "sock", "__sk_common.skc_state"),
    (Offset::SockSocket, "sock", "sk_socket"),
    (Offset::SockLockOwned, "sock", "sk_lock.owned"),
    (Offset::SockShutdown, "sock", "sk_shutdown"),
    (Offset::NetNsInum, "net", "ns.inum"),
    (Offset::InetSport, "inet_sock", "inet_sport"),
    (Offset::TcpRcvNxt, "tcp_sock", "rcv_nxt"),
    (Offset::TcpCopiedSeq, "tcp_sock", "copied_seq"),
    (Offset::TcpBytesReceived, "tcp_sock", "bytes_received"),
    (Offset::TcpSndUna, "tcp_sock", "snd_una"),
    (Offset::TcpWriteSeq, "tcp_sock", "write_seq"),
    (Offset::TcpBytesAcked, "tcp_sock", "bytes_acked"),
    (Offset::UnixPeer, "unix_sock", "peer"),
    (Offset::UnixAddr, "unix_sock", "addr"),
    (Offset::UnixAddressLen, "unix_address", "len"),
    (Offset::UnixAddressName, "unix_address", "name"),
];

/// Looks every field up.
///
/// # Errors
///
/// The first field that this kernel does not have.
pub(super) fn of(btf: &Btf) -> Result<[u32; Offset::Count as usize], BtfError> {
    let mut offsets = [0; Offset::Count as usize];
    for &(which, name, field) in FIELDS {
        offsets[which as usize] = btf.offset(name, field)?;
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_has_one_row() {
        let mut rows = [0; Offset::Count as usize];
        for &(which, ..) in FIELDS {
            rows[which as usize] += 1;
        }
        assert!(rows.iter().all(|&n| n == 1), "{rows:?}");
    }
}
