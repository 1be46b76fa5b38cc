//! Captures that are damaged: frames dropped, cut, doubled and out of order, and captures that
//! start in the middle. What is still told must be part of what the whole capture tells.

use crate::damage::{MISUNDERSTANDINGS, Owned, damage, read, surplus};
use crate::golden;
use crate::ours::exchanges_of;

/// How many damaged versions of each capture are read, unless `ONLOOKER_ROUNDS` says so.
const ROUNDS: u64 = 4;
#[test]
fn a_damaged_capture_tells_a_part_of_the_truth() {
    let Some(corpus) = golden::corpus() else { return };
    let only = std::env::var("ONLOOKER_CORPUS").unwrap_or_default();
    let rounds = std::env::var("ONLOOKER_ROUNDS").ok().and_then(|text| text.parse().ok());
    let mut wrong = 0;
    let (mut told, mut expected) = (0, 0);
    for (name, path) in golden::captures(&corpus) {
        if !name.contains(&only) || MISUNDERSTANDINGS.contains(&name.as_str()) {
            continue;
        }
        let frames = read(&path);
        let truth = exchanges_of(&name, frames.iter().map(Owned::frame));
        for round in 0..rounds.unwrap_or(ROUNDS) {
            let mut dice = Dice::new(round);
            let damaged = damage(&frames, &mut |below| dice.roll(below));
            let lines = exchanges_of(&name, damaged.iter().map(Owned::frame));
            told += lines.len();
            expected += truth.len();
            for line in surplus(truth.clone(), lines) {
                println!("round {round} {line}");
                wrong += 1;
            }
        }
    }
    println!("{told} exchanges of {expected} told");
    assert_eq!(wrong, 0, "lines that the whole captures do not tell (listed above)");
}

/// Pseudo-random numbers (xorshift64*): the same seed does the same damage, so that failures repeat.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ (seed + 1).wrapping_mul(0xd129_0d3b))
    }

    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    }
}
