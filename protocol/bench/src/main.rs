//! How fast the dissectors are on one core, beside libraries that read the same bytes.
//!
//! `cargo xtask bench protocols` runs it. A row a case, its fields separated by tabs: name,
//! nanoseconds an exchange, exchanges a second, MB/s, then the library's name and MB/s, if there is
//! one. Each figure is the median of [`RUNS`] runs.
//!
//! The libraries do a part of what a dissector does: they read messages that are whole, and neither
//! pair, nor sanitise, nor survive holes.
#![forbid(unsafe_code)]

mod beside;
mod case;
mod databases;
mod recorded;
mod small;

use std::hint::black_box;

use case::clock;

/// Runs of each case. The median counts.
const RUNS: usize = 11;
/// How long a run takes, in nanoseconds.
const RUN: u64 = 100_000_000;

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let cases = [small::cases(), databases::cases(), recorded::cases()];
    for case in cases.iter().flatten().filter(|case| case.name.contains(&wanted)) {
        let each = median(|| measure(|| case.round()) / case.exchanges_a_round() as f64);
        let bytes = case.bytes_a_round() as f64 / case.exchanges_a_round() as f64;
        print!("{}\t{each:.0}\t{:.0}\t{:.0}", case.name, 1e9 / each, bytes * 1e3 / each);
        if let Some(beside) = &case.beside {
            let round = median(|| measure(|| (beside.read)()));
            print!("\t{}\t{:.0}", beside.library, beside.bytes as f64 * 1e3 / round);
        }
        println!();
    }
}

fn median(mut run: impl FnMut() -> f64) -> f64 {
    let mut figures: Vec<f64> = (0..RUNS).map(|_| run()).collect();
    figures.sort_by(f64::total_cmp);
    figures[RUNS / 2]
}

/// Nanoseconds that one call takes.
fn measure<T>(mut call: impl FnMut() -> T) -> f64 {
    let (mut calls, mut step, start) = (0_u64, 1_u64, clock());
    loop {
        for _ in 0..step {
            black_box(call());
        }
        calls += step;
        let spent = clock() - start;
        if spent >= RUN {
            return spent as f64 / calls as f64;
        }
        // Reading the clock should not count.
        step = if spent < RUN / 100 { step * 2 } else { step };
    }
}
