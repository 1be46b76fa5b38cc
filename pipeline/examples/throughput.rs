//! Records through the pipeline on one core: spans a second. `cargo xtask bench pipeline` runs it.

mod records;

use std::time::Instant;

const RUNS: u32 = 5;

/// The agent's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10_000);
    // Spans, and seconds; the runs take turns, so that what the machine does meanwhile meets both.
    for _ in 0..RUNS {
        for (name, both_ends) in [("a server", false), ("both ends of a call", true)] {
            let rounds = if both_ends { rounds / 2 } else { rounds };
            let started = Instant::now();
            let spans = records::drive(both_ends, rounds);
            println!("{name}\t{spans}\t{:.6}", started.elapsed().as_secs_f64());
        }
    }
}
