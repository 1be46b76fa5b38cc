//! Capture files: whatever the bytes, positions are without gap or overlap and every connection
//! has one start and one end.
#![no_main]

use std::collections::HashMap;

use onlooker_protocol::Side;
use onlooker_replay::{Event, replay};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut open = HashMap::new();
    let _ = replay(input, &mut |event| match event {
        Event::Opened(opened) => assert!(open.insert(opened.id, [None, None]).is_none()),
        Event::Data { id, side, position, bytes, missing, .. } => {
            let next = &mut open.get_mut(&id).expect("open")[usize::from(side == Side::Server)];
            assert!(next.is_none_or(|next| next == position), "a gap or an overlap");
            assert!(!bytes.is_empty() || missing > 0, "an empty event");
            *next = Some(position + bytes.len() as u64 + missing);
        }
        Event::Datagram { id, .. } | Event::HalfClosed { id, .. } => {
            assert!(open.contains_key(&id));
        }
        Event::Closed { id, .. } => assert!(open.remove(&id).is_some()),
        Event::ConnectFailed { .. } => {}
    })
    .map(|_| assert!(open.is_empty(), "a connection without an end"));
});
