//! The table by itself.

use onlooker_common::event::{Header, Kind, Place, Socket, role, role_evidence};
use onlooker_protocol::Origin;

use super::{MEMORY, Table};

const BASE: u32 = u32::MAX - 5;

fn client(inode: u32) -> Socket {
    Socket {
        header: Header { kind: Kind::Socket as u32, tgid: 2, tid: 3, captured: 0, time: 1 },
        socket: 0x1000,
        peer_inode: 0,
        opener_flags: 0,
        inode,
        netns: 1,
        sent_base: 1,
        received_base: BASE,
        family: 2,
        protocol: 6,
        local_port: 40_000,
        remote_port: 80,
        local: [0; 16],
        remote: [0; 16],
        role: role::CLIENT,
        role_evidence: role_evidence::CONNECT,
        path_length: 0,
        path: [0; 108],
        cause: Place::default(),
        resumed: Place::default(),
        opener: 0,
    }
}

/// A client that closes the connection when it has read the answer goes on because of it.
#[test]
fn what_was_read_from_a_closed_connection_is_known_for_a_while() {
    let mut table = Table::default();
    // The third byte and those behind it.
    let read = |inode| Place {
        socket: 0x1000,
        inode,
        position: u64::from(BASE.wrapping_add(2)),
        length: 10,
    };
    let (first, _) = table.insert(&client(7), false);
    let origin = Origin { connection: first.0, length: 10, position: 2 };
    assert_eq!(table.origin(&read(7)), origin);
    table.remove(first, 1_000);
    assert_eq!(table.origin(&read(7)), origin);
    let (second, _) = table.insert(&client(8), false);
    assert_eq!(table.origin(&read(7)), origin, "another has its place");
    assert_eq!(table.origin(&read(8)).connection, second.0);
    table.bury(1_000 + MEMORY);
    assert_eq!(table.origin(&read(7)), Origin::default());
    table.remove(second, 2_000 + MEMORY);
    assert_eq!(table.origin(&read(8)).connection, second.0);
    table.bury(2_000 + 2 * MEMORY);
    assert_eq!(table.origin(&read(8)), Origin::default());
    assert!(table.graves.is_empty());
}

#[test]
fn a_lent_end_comes_back_and_the_place_of_one_that_ended_is_used_again() {
    let mut table = Table::default();
    let (first, _) = table.insert(&client(7), false);
    let lent = table.lend(first).expect("is there");
    assert!(table.get(first).is_none() && table.by_socket(0x1000, 7).is_none());
    table.give_back(lent);
    assert_eq!(table.by_socket(0x1000, 7).map(|it| it.id), Some(first));
    // The kernel uses the address again before its end was heard of.
    let (second, replaced) = table.insert(&client(8), false);
    assert_eq!(replaced.map(|it| it.id), Some(first));
    assert!(table.get(first).is_none() && table.by_socket(0x1000, 7).is_none());
    assert_eq!(table.by_socket(0x1000, 8).map(|it| it.id), Some(second));
    assert_eq!((table.len(), table.iter().count(), table.slots.len()), (1, 1, 1));
}

#[test]
fn a_server_that_closed_before_its_client_was_heard_of_has_its_peer() {
    let server = Socket {
        socket: 0x2000,
        sent_base: BASE,
        received_base: 2,
        local_port: 80,
        remote_port: 40_000,
        role: role::SERVER,
        role_evidence: role_evidence::LISTENER,
        ..client(8)
    };
    let mut table = Table::default();
    let (server, _) = table.insert(&server, false);
    table.remove(server, 5);
    let (client, _) = table.insert(&client(7), false);
    assert_eq!(table.peer(server), Some(client));
    assert_eq!(table.peer(client), Some(server));
    table.bury(5 + MEMORY);
    assert_eq!(table.peer(server), None);
    assert_eq!(table.peer(client), None);
}

#[test]
fn the_eighth_that_was_silent_longest_goes_first() {
    let mut table = Table::default();
    assert!(table.unused_longest().is_empty());
    for inode in 1..=16 {
        let mut record = client(inode);
        // The later half came first.
        record.header.time = u64::from((inode + 8) % 16);
        record.socket += u64::from(inode);
        table.insert(&record, false);
    }
    let oldest = table.unused_longest().into_iter();
    let mut oldest: Vec<u32> = oldest.map(|id| table.get(id).expect("an end").inode).collect();
    oldest.sort_unstable();
    assert_eq!(oldest, [8, 9]);
}

#[test]
fn those_of_whose_ends_the_kernel_does_not_tell_are_known_by_process() {
    let mut table = Table::default();
    let of = |process, socket, inode, family| {
        let mut record = Socket { socket, family, ..client(inode) };
        record.header.tgid = process;
        record
    };
    let (mine, _) = table.insert(&of(2, 0x2000, 2, 1), false);
    let (mine_too, _) = table.insert(&of(2, 0x3000, 3, 1), false);
    table.insert(&of(2, 0x4000, 4, 2), false);
    table.insert(&of(3, 0x5000, 5, 1), false);
    assert_eq!(Vec::from_iter(table.untold_of(2)), [mine, mine_too]);
    table.remove(mine, 1);
    assert_eq!(Vec::from_iter(table.untold_of(2)), [mine_too]);
    assert_eq!(table.untold.len(), 2);
}

/// The first record of a TCP Fast Open is of the time before the server has said where it begins.
#[test]
fn where_the_peer_begins_is_learnt_when_it_agrees() {
    let server = Socket {
        socket: 0x2000,
        sent_base: BASE,
        received_base: 2,
        role: role::SERVER,
        role_evidence: role_evidence::LISTENER,
        ..client(8)
    };
    let mut table = Table::default();
    let (early, _) = table.insert(&Socket { received_base: 0, ..client(7) }, false);
    assert!(table.learn_base(&client(7)), "it has agreed");
    assert!(!table.learn_base(&client(7)), "that is known");
    assert!(!table.learn_base(&client(9)), "another socket");
    let (server, _) = table.insert(&server, false);
    assert_eq!((table.peer(early), table.peer(server)), (Some(server), Some(early)));
    let first = u64::from(BASE);
    assert_eq!(table.get(early).map(|end| end.offset(false, first)), Some(0));
}
