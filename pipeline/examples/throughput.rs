//! Records through the pipeline on one core: spans a second. `cargo xtask bench pipeline` runs it.

mod records;

use std::time::Instant;

/// The agent's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn run(name: &str, both_ends: bool, rounds: u64) {
    let started = Instant::now();
    let spans = records::drive(both_ends, rounds) as f64;
    let seconds = started.elapsed().as_secs_f64();
    println!("| {name} | {spans} | {:.0} | {:.2} |", spans / seconds, seconds * 1e6 / spans);
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10_000);
    println!("| records of | spans | spans/s | µs/span |");
    println!("|---|---|---|---|");
    for _ in 0..3 {
        run("a server", false, rounds);
        run("both ends of a call", true, rounds / 2);
    }
}
