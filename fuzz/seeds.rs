//! Makes seeds of captures: `seeds CAPTURES CORPUS` writes each conversation that a dissector takes
//! into `CORPUS/TARGET`, for that dissector's target and for `conversation`; small captures
//! themselves become seeds of `capture`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use onlooker_fuzz::seed;
use onlooker_pipeline::connection::{Conversation, Taken};
use onlooker_protocol::{Chunk, Moment, Output};
use onlooker_replay::{Event, Opened, Role, Transport, replay};

/// Longer seeds make fuzzing slow.
const MOST_BYTES: usize = 8 * 1024;

struct Talk {
    opened: Opened,
    steps: Vec<u8>,
    conversation: Conversation,
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(captures), Some(corpus)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: seeds CAPTURES CORPUS");
        std::process::exit(2);
    };
    let mut written = 0;
    let mut folders = vec![captures];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "pcap" || end == "pcapng") {
                written += capture(&path, &corpus)?;
            }
        }
    }
    println!("{written} seeds");
    Ok(())
}

fn capture(path: &Path, corpus: &Path) -> std::io::Result<usize> {
    let file = fs::read(path)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut written = 0;
    let mut write = |target: &str, number: u64, bytes: &[u8]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        written += 1;
        fs::write(folder.join(format!("{name}-{number}")), bytes)
    };
    if file.len() <= MOST_BYTES {
        write("capture", 0, &file)?;
    }
    let mut talks = HashMap::new();
    let result = replay(&file[..], &mut |event| {
        let (id, side, bytes, missing, datagram) = match event {
            Event::Opened(opened) => {
                let known = opened.role == Role::Handshake;
                let conversation = Conversation::new(opened.server.port(), known, known, known);
                talks.insert(opened.id, Talk { opened, steps: Vec::new(), conversation });
                return;
            }
            Event::Data { id, side, bytes, missing, .. } => (id, side, bytes, missing, false),
            Event::Datagram { id, side, bytes, missing, .. } => (id, side, bytes, missing, true),
            Event::ConnectFailed { .. } | Event::HalfClosed { .. } | Event::Closed { .. } => return,
        };
        let Some(talk) = talks.get_mut(&id) else { return };
        let chunk = Chunk { missing, datagram, ..Chunk::new(side, Moment::default(), bytes) };
        talk.conversation.feed(&chunk, &mut Output::default());
        if talk.steps.len() + bytes.len() <= MOST_BYTES {
            let side = if talk.conversation.flipped() { side.other() } else { side };
            seed(&mut talk.steps, side, bytes);
        }
    });
    if result.is_err() {
        return Ok(written);
    }
    for (id, talk) in talks {
        let Taken::For(protocol, _) = talk.conversation.taken() else { continue };
        let from_start = u8::from(talk.opened.role == Role::Handshake);
        let datagram = u8::from(talk.opened.transport == Transport::Udp);
        let mut input = vec![from_start | datagram << 1];
        input.extend(&talk.steps);
        write(&protocol.replace('/', ""), id.0, &input)?;
        let mut input = vec![from_start * 7 | datagram << 3];
        input.extend(talk.opened.server.port().to_le_bytes());
        input.extend(&talk.steps);
        write("conversation", id.0, &input)?;
    }
    Ok(written)
}
