//! Loading and attaching program by program: one that the kernel refuses takes away its one
//! feature and nothing else.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use aya::Ebpf;
use aya::programs::Program;

use crate::errors::chain;

/// What one or two programs give, and what is missing without them.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its name in `onlooker doctor`.
    pub name: &'static str,
    /// What the user loses without it.
    pub without: &'static str,
    programs: &'static [(&'static str, &'static str)],
    /// How it stands.
    pub state: FeatureState,
}

/// How a feature stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeatureState {
    /// Loaded, not attached yet.
    Loaded,
    /// Attached.
    Works,
    /// Refused by the kernel, with its words.
    Refused(String),
}

impl Feature {
    /// Whether it is attached.
    #[must_use]
    pub fn works(&self) -> bool {
        self.state == FeatureState::Works
    }

    /// What the kernel said against it.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match &self.state {
            FeatureState::Refused(why) => Some(why.clone()),
            _ => None,
        }
    }

    pub(super) fn is_socket_call(&self) -> bool {
        SOCKET_CALLS.iter().any(|(name, ..)| *name == self.name)
    }
}

macro_rules! calls {
    ($($name:literal, $without:literal;)*) => {
        &[$((
            $name,
            $without,
            &[
                (concat!("enter_", $name), concat!("sys_enter_", $name)),
                (concat!("exit_", $name), concat!("sys_exit_", $name)),
            ],
        ),)*]
    };
}

type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SOCKET_CALLS: &[Row] = calls! {
    "read", "what services read with read(2) is not seen";
    "write", "what services send with write(2) is not seen";
    "readv", "what services read with readv(2) is not seen";
    "writev", "what services send with writev(2) is not seen";
    "recvfrom", "what services read with recv(2) is not seen";
    "sendto", "what services send with send(2) is not seen";
    "recvmsg", "what services read with recvmsg(2) is not seen";
    "sendmsg", "what services send with sendmsg(2) is not seen";
    "recvmmsg", "datagrams read with recvmmsg(2) are not seen";
    "sendmmsg", "datagrams sent with sendmmsg(2) are not seen";
    "sendfile64", "response bodies sent with sendfile(2) are not timed";
    "splice", "bytes moved with splice(2) are not timed";
};

/// With these, the exit programs of [`SOCKET_CALLS`] are not needed.
const LENGTHS: &[Row] = &[
    ("sock_send_length", "what services send is not seen", &[("socket_sent", "sock_send_length")]),
    (
        "sock_recv_length",
        "what services receive is not seen",
        &[("socket_received", "sock_recv_length")],
    ),
];

/// Calls that need no program of their own where the kernel tells the lengths. (recvmmsg has to be told from the next
/// one, which may use the same memory.)
const RECEIVING: &[&str] = &["read", "readv", "recvfrom", "recvmsg"];

macro_rules! waiting {
    ($($when:literal $name:literal, $without:expr;)*) => {
        &[$((
            $name,
            $without,
            &[(concat!($when, "_", $name), concat!("sys_", $when, "_", $name))],
        ),)*]
    };
}

const TIMERS: &str =
    "calls that an event loop makes for a timer may be taken for those of a request";

/// When a handler has returned. `epoll_pwait2` is of 5.11.
const WAITING: &[Row] = waiting! {
    "exit" "epoll_wait", TIMERS;
    "exit" "epoll_pwait", TIMERS;
    "exit" "epoll_pwait2", TIMERS;
    "enter" "poll", TIMERS;
    "enter" "ppoll", TIMERS;
    "enter" "select", TIMERS;
    "enter" "pselect6", TIMERS;
    "enter" "accept", "workers that select before they accept are taken for event loops";
    "enter" "accept4", "workers that select before they accept are taken for event loops";
};

const LIFE: &[Row] = &[
    (
        "connect",
        "connects that fail at once (Unix sockets, no route) are not counted",
        &[("enter_connect", "sys_enter_connect"), ("exit_connect", "sys_exit_connect")],
    ),
    (
        "inet_sock_set_state",
        "ends of connections are found late, roles by port alone",
        &[("socket_destroyed", "tcp_destroy_sock"), ("socket_state", "inet_sock_set_state")],
    ),
    (
        "sched_process_fork",
        "children of targets are not followed",
        &[("process_fork", "sched_process_fork")],
    ),
    (
        "sched_process_exec",
        "processes that start later are not found",
        &[("process_exec", "sched_process_exec")],
    ),
    (
        "sched_process_exit",
        "ended processes are forgotten late",
        &[("process_exit", "sched_process_exit")],
    ),
];

/// Programs that are loaded at once.
const MOST_LOADERS: usize = 8;

/// Loads every program that is wanted: where the kernel tells the lengths, a call that sends needs
/// no exit program and one that receives none at all. (It tells none of what `splice` receives.)
pub(super) fn load_all(ebpf: &mut Ebpf, lengths: bool) -> Vec<Feature> {
    let more: &[Row] = if lengths { LENGTHS } else { &[] };
    let wanted: Vec<Row> = SOCKET_CALLS
        .iter()
        .filter(|(name, ..)| !lengths || !RECEIVING.contains(name))
        .map(|&(name, without, programs)| match programs {
            [enter, _] if lengths && name != "splice" => {
                (name, without, std::slice::from_ref(enter))
            }
            _ => (name, without, programs),
        })
        .chain(more.iter().copied())
        .chain(WAITING.iter().copied())
        .chain(LIFE.iter().copied())
        .collect();
    let names = wanted.iter().flat_map(|(_, _, programs)| programs.iter().map(|(name, _)| *name));
    let refused = refusals(ebpf, names);
    let state = |programs: &[(&str, &str)]| {
        let why = programs.iter().find_map(|(program, _)| refused.get(*program));
        why.map_or(FeatureState::Loaded, |why| FeatureState::Refused(why.clone()))
    };
    let feature =
        |(name, without, programs)| Feature { name, without, programs, state: state(programs) };
    wanted.into_iter().map(feature).collect()
}

/// Loads programs, several at once: the verifier takes up to a second for all of them. Gives those
/// that were refused, and why.
fn refusals<'a>(ebpf: &mut Ebpf, names: impl Iterator<Item = &'a str>) -> HashMap<String, String> {
    let names: HashSet<&str> = names.collect();
    let missing = names.iter().filter(|name| ebpf.program(name).is_none());
    let missing = missing.map(|name| ((*name).to_owned(), "the object has no such program".into()));
    let refused: Mutex<HashMap<String, String>> = Mutex::new(missing.collect());
    let waiting = Mutex::new(ebpf.programs_mut().filter(|(name, _)| names.contains(name)));
    let work = || {
        // The lock is released before the program is loaded.
        while let Some((name, program)) = { waiting.lock().ok().and_then(|mut it| it.next()) } {
            if let Err(why) = load(program)
                && let Ok(mut refused) = refused.lock()
            {
                refused.insert(name.to_owned(), why);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_LOADERS);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    refused.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Attaches what was loaded, the life of processes and sockets first.
pub(super) fn attach_all(ebpf: &mut Ebpf, features: &mut [Feature]) {
    for feature in features.iter_mut().rev() {
        if feature.state != FeatureState::Loaded {
            continue;
        }
        let refused =
            feature.programs.iter().find_map(|(program, event)| attach(ebpf, program, event).err());
        feature.state = refused.map_or(FeatureState::Works, FeatureState::Refused);
    }
}

fn load(program: &mut Program) -> Result<(), String> {
    let result = match program {
        Program::TracePoint(program) => program.load(),
        Program::RawTracePoint(program) => program.load(),
        _ => return Err("the object has a program of another kind".to_owned()),
    };
    result.map_err(|error| chain(&error))
}

fn attach(ebpf: &mut Ebpf, name: &str, event: &str) -> Result<(), String> {
    match ebpf.program_mut(name) {
        Some(Program::TracePoint(program)) => {
            program.attach("syscalls", event).map(drop).map_err(|error| chain(&error))
        }
        Some(Program::RawTracePoint(program)) => {
            program.attach(event).map(drop).map_err(|error| chain(&error))
        }
        _ => Err(format!("the object has no program {name}")),
    }
}

/// What a program costs the verifier.
#[derive(Clone, Debug)]
pub struct ProgramCost {
    /// The program.
    pub name: String,
    /// Instructions that the verifier walked, 5.16 and later.
    pub verified_instructions: Option<u32>,
}

pub(super) fn costs(ebpf: &Ebpf) -> Vec<ProgramCost> {
    let mut costs: Vec<_> = ebpf
        .programs()
        .filter_map(|(name, program)| {
            let info = program.info().ok()?;
            let verified_instructions = info.verified_instruction_count();
            Some(ProgramCost { name: name.to_owned(), verified_instructions })
        })
        .collect();
    costs.sort_by(|a, b| a.name.cmp(&b.name));
    costs
}
