//! How fast the dissectors are on one core, beside libraries that read the same bytes.
//!
//! `cargo xtask bench protocols` runs it. A row a case, its fields separated by tabs: name,
//! nanoseconds an exchange, exchanges a second, MB/s, then the library's name and MB/s, if there is
//! one. Each figure is the median of [`RUNS`] runs, which the cases make in turns.
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
    let cases: Vec<_> = [small::cases(), databases::cases(), recorded::cases()]
        .into_iter()
        .flatten()
        .filter(|case| case.name.contains(&wanted))
        .collect();
    // In turns, so that what the machine does meanwhile meets all of them.
    let mut figures: Vec<[Vec<f64>; 2]> = vec![Default::default(); cases.len()];
    for _ in 0..RUNS {
        for (case, [own, others]) in cases.iter().zip(&mut figures) {
            own.push(measure(|| case.round()) / case.exchanges_a_round() as f64);
            others.extend(case.beside.as_ref().map(|beside| measure(|| (beside.read)())));
        }
    }
    for (case, [own, others]) in cases.iter().zip(figures) {
        let each = median(own);
        let bytes = case.bytes_a_round() as f64 / case.exchanges_a_round() as f64;
        print!("{}\t{each:.0}\t{:.0}\t{:.0}", case.name, 1e9 / each, bytes * 1e3 / each);
        if let Some(beside) = &case.beside {
            let round = median(others);
            print!("\t{}\t{:.0}", beside.library, beside.bytes as f64 * 1e3 / round);
        }
        println!();
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
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
