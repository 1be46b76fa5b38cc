//! The kernel side's user-space half: loads and attaches the programs, reads their records,
//! writes their maps. The only module that knows aya.

mod attach;
mod btf;
mod courtesy;
pub mod kernel;
mod offsets;
mod skipped;

use std::os::fd::AsFd as _;
use std::time::Duration;

use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use aya::{Ebpf, EbpfLoader};
use onlooker_common::counter::Counter;
use onlooker_common::map::{Globals, Listener, MOST_PORT_RULES, MOST_TARGETS, Policy, target};
use onlooker_common::view::{self, AsBytes as _, Record};
use rustix::event::{PollFd, PollFlags, Timespec};

pub use attach::{Feature, FeatureState, ProgramCost};
pub use btf::{Btf, BtfError};
pub use courtesy::{Courtesy, others_would_run};
pub use skipped::SkippedRuns;

/// The object with the programs, built by `cargo xtask ebpf`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/onlooker.bpf.o");
/// The same without `bpf_loop`, for kernels before 5.17.
static OBJECT_WITHOUT_LOOPS: &[u8] =
    aya::include_bytes_aligned!("../../bpf/onlooker-without-loops.bpf.o");

/// What the programs are to do.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// Size of the ring buffer: a power of two, at least one page.
    pub ring_bytes: u32,
    /// Capture every process.
    pub all: bool,
    /// Capture processes that execute a program until they have been decided on.
    pub discover: bool,
    /// … with the processes that they fork.
    pub follow: bool,
    /// Bytes of each received turn to copy before a connection has a policy.
    pub default_received: u32,
    /// The same of sent turns.
    pub default_sent: u32,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            ring_bytes: 8 * 1024 * 1024,
            all: false,
            discover: false,
            follow: true,
            default_received: 64 * 1024,
            default_sent: 64 * 1024,
        }
    }
}

impl ProbeOptions {
    fn discover_flags(&self) -> u32 {
        let follow = if self.follow { target::FOLLOW } else { 0 };
        if self.discover || self.all { target::UNDECIDED | follow } else { 0 }
    }
}

/// Why capturing cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The kernel's types cannot be read.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// Not enough privileges.
    #[error(
        "the kernel refuses to load programs ({0}); run as root, or with CAP_BPF, CAP_PERFMON and \
         CAP_SYS_PTRACE; `onlooker doctor` tells which are missing"
    )]
    Permission(String),
    /// tracefs is missing and cannot be mounted.
    #[error(
        "there is no tracefs at /sys/kernel/tracing and mounting it failed ({0}); \
         run: mount -t tracefs nodev /sys/kernel/tracing"
    )]
    NoTracefs(String),
    /// The kernel cannot do what everything else stands on.
    #[error("the kernel cannot load Onlooker's maps: {0}; `onlooker doctor` tells what it lacks")]
    Load(String),
    /// Not one socket call can be watched.
    #[error("no socket call can be watched: {0}; `onlooker doctor` tells what is missing")]
    NothingAttached(String),
    /// A table of the programs takes no more.
    #[error("no more than {most} {what} can be traced at once ({why})")]
    Full {
        /// What is in the table.
        what: &'static str,
        /// How many it takes.
        most: u32,
        /// What the kernel said.
        why: String,
    },
    /// A map is not what it should be: the object and the agent are of different builds.
    #[error("map {0} is not usable: {1}")]
    Map(&'static str, String),
}

/// The loaded programs.
pub struct Probe {
    ebpf: Ebpf,
    ring: RingBuf<MapData>,
    targets: HashMap<MapData, u32, u32>,
    policies: HashMap<MapData, u64, [u32; 4]>,
    generation: Array<MapData, u32>,
    /// How often policies were changed.
    changes: u32,
    listeners: HashMap<MapData, [u32; 2], u32>,
    port_rules: HashMap<MapData, u32, u32>,
    counters: PerCpuArray<MapData, u64>,
    features: Vec<Feature>,
}

impl Probe {
    /// Loads the maps and programs. Nothing is watched before [`attach`](Self::attach).
    ///
    /// # Errors
    ///
    /// See [`ProbeError`]. A program that the kernel refuses is no error but a [`Feature`].
    pub fn load(options: &ProbeOptions) -> Result<Self, ProbeError> {
        let btf = Btf::of_kernel()?;
        let lengths = kernel::tells_lengths();
        let loops = kernel::is_at_least(5, 17);
        let globals = Globals {
            offsets: offsets::of(&btf)?,
            agent: std::process::id(),
            all: u32::from(options.all),
            discover: options.discover_flags(),
            default_received: options.default_received,
            default_sent: options.default_sent,
            wake_at: options.ring_bytes / 4,
            lengths: u32::from(lengths),
        };
        drop(btf);
        give_back_memory();
        // It has read the kernel's types as well, all of them; the programs need none.
        let mut loader = EbpfLoader::new();
        loader.btf(None);
        give_back_memory();
        let mut ebpf = loader
            .override_global("GLOBALS", globals.as_bytes(), true)
            .map_max_entries("EVENTS", options.ring_bytes)
            .load(if loops { OBJECT } else { OBJECT_WITHOUT_LOOPS })
            .map_err(|error| refused(&error))?;
        let features = attach::load_all(&mut ebpf, lengths);
        Ok(Self {
            ring: take(&mut ebpf, "EVENTS", RingBuf::try_from)?,
            targets: take(&mut ebpf, "TARGETS", HashMap::try_from)?,
            policies: take(&mut ebpf, "POLICIES", HashMap::try_from)?,
            generation: take(&mut ebpf, "GENERATION", Array::try_from)?,
            changes: 0,
            listeners: take(&mut ebpf, "LISTENERS", HashMap::try_from)?,
            port_rules: take(&mut ebpf, "PORT_RULES", HashMap::try_from)?,
            counters: take(&mut ebpf, "COUNTERS", PerCpuArray::try_from)?,
            features,
            ebpf,
        })
    }

    /// Attaches everything that was loaded.
    ///
    /// # Errors
    ///
    /// There is no tracefs, or not a single socket call could be attached to.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        kernel::ensure_tracefs().map_err(|why| ProbeError::NoTracefs(why.to_string()))?;
        attach::attach_all(&mut self.ebpf, &mut self.features);
        if self.features.iter().any(|feature| feature.is_socket_call() && feature.works()) {
            return Ok(());
        }
        let why = self.features.iter().find_map(Feature::problem).unwrap_or_default();
        Err(ProbeError::NothingAttached(why))
    }

    /// What works and what does not, and why.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Each loaded program's verifier instruction count.
    #[must_use]
    pub fn costs(&self) -> Vec<ProgramCost> {
        attach::costs(&self.ebpf)
    }

    /// How often the kernel skipped each loaded program.
    #[must_use]
    pub fn skipped(&self) -> Vec<SkippedRuns> {
        skipped::of(&self.ebpf)
    }

    /// Makes a process a target; `flags` are of [`onlooker_common::map::target`].
    ///
    /// # Errors
    ///
    /// The table of targets is full.
    pub fn add_target(&mut self, tgid: u32, flags: u32) -> Result<(), ProbeError> {
        self.targets.insert(tgid, flags, 0).map_err(|error| ProbeError::Full {
            what: "processes",
            most: MOST_TARGETS,
            why: error.to_string(),
        })
    }

    /// Excludes a process, also where every process is a target.
    ///
    /// # Errors
    ///
    /// As [`add_target`](Self::add_target).
    pub fn exclude(&mut self, tgid: u32) -> Result<(), ProbeError> {
        self.add_target(tgid, target::EXCLUDED)
    }

    /// Makes a process no target.
    pub fn remove_target(&mut self, tgid: u32) {
        // It may have ended meanwhile, which removed it already.
        let _ = self.targets.remove(&tgid);
    }

    /// Tells the programs of a port that is listened on.
    pub fn add_listener(&mut self, Listener { netns, port }: Listener) {
        // The table forgets its oldest entries: a role is then found by the protocol instead.
        let _ = self.listeners.insert([netns, port], 1, 0);
    }

    /// Makes whoever listens on a port a target.
    ///
    /// # Errors
    ///
    /// More than [`MOST_PORT_RULES`] ports.
    pub fn add_port_rule(&mut self, port: u16) -> Result<(), ProbeError> {
        self.port_rules.insert(u32::from(port), 1, 0).map_err(|error| ProbeError::Full {
            what: "ports",
            most: MOST_PORT_RULES,
            why: error.to_string(),
        })
    }

    /// Sets what is copied of the payload of some sockets, by the address of the sock.
    pub fn set_policies(&mut self, policies: impl IntoIterator<Item = (u64, Policy)>) {
        let mut any = false;
        for (sock, Policy { inode, mode, received, sent }) in policies {
            // The table forgets its oldest entries: the socket then has the default policy.
            any |= self.policies.insert(sock, [inode, mode, received, sent], 0).is_ok();
        }
        if any {
            self.changes = self.changes.wrapping_add(1);
            // A place of an array can always be set.
            let _ = self.generation.set(0, self.changes, 0);
        }
    }

    /// Hands up to `most` waiting records to `take`; gives how many there were.
    pub fn drain(&mut self, most: usize, mut take: impl FnMut(Option<Record<'_>>)) -> usize {
        for n in 0..most {
            let Some(item) = self.ring.next() else { return n };
            take(view::record(&item));
        }
        most
    }

    /// Lets this process's threads give way to all others while they keep up with the records.
    ///
    /// # Errors
    ///
    /// As [`Courtesy::start`].
    pub fn courtesy(&self) -> std::io::Result<Courtesy> {
        Courtesy::start(self.ring.as_fd())
    }

    /// Waits until the programs wake the reader, or for `timeout`.
    pub fn wait(&self, timeout: Duration) {
        let Ok(timeout) = Timespec::try_from(timeout) else { return };
        let ring = self.ring.as_fd();
        // An interrupted wait is a short wait.
        let _ = rustix::event::poll(&mut [PollFd::new(&ring, PollFlags::IN)], Some(&timeout));
    }

    /// What the programs counted, summed over the CPUs, and what the kernel counted of them, by
    /// [`Counter`].
    #[must_use]
    pub fn counters(&self) -> [u64; Counter::Count as usize] {
        let mut sums = [0; Counter::Count as usize];
        for (index, sum) in sums.iter_mut().enumerate() {
            if let Ok(values) = self.counters.get(&(index as u32), 0) {
                *sum = values.iter().fold(0, |total: u64, value| total.wrapping_add(*value));
            }
        }
        let skipped = self.skipped();
        sums[Counter::SkippedRuns as usize] = skipped.iter().filter_map(|it| it.runs).sum();
        sums
    }
}

fn take<T>(
    ebpf: &mut Ebpf,
    name: &'static str,
    as_type: impl FnOnce(aya::maps::Map) -> Result<T, aya::maps::MapError>,
) -> Result<T, ProbeError> {
    let map = ebpf.take_map(name).ok_or_else(|| ProbeError::Map(name, "not there".to_owned()))?;
    as_type(map).map_err(|error| ProbeError::Map(name, error.to_string()))
}

/// Gives freed memory back to the system. By itself the allocator does so ten milliseconds later,
/// and only if it is asked for more: an agent that sees little kept 26 MiB of its start for good.
fn give_back_memory() {
    // SAFETY: any thread may call it at any time; where another allocator is in use, as in tests, it
    // has nothing to give.
    unsafe { libmimalloc_sys::mi_collect(true) };
}

fn refused(error: &aya::EbpfError) -> ProbeError {
    let text = crate::errors::chain(error);
    if text.contains("os error 1)") || text.contains("os error 13)") {
        ProbeError::Permission(text)
    } else {
        ProbeError::Load(text)
    }
}
