//! Captures that are damaged in the ways that the input says: frames dropped, cut, doubled, moved,
//! and captures that start in the middle. What is still told is a part of the truth.
#![no_main]
#![allow(dead_code, reason = "the modules are those of the corpus test")]

#[path = "../../replay/tests/corpus/damage.rs"]
mod damage;
#[path = "../../replay/tests/corpus/golden.rs"]
mod golden;
#[path = "../../replay/tests/corpus/ours.rs"]
mod ours;
#[path = "../../replay/tests/corpus/words.rs"]
mod words;

use std::sync::OnceLock;

use damage::Owned;
use golden::Line;

/// Captures that are longer would make a run slow.
const MOST_FRAMES: usize = 200;

struct Whole {
    name: String,
    frames: Vec<Owned>,
    truth: Vec<Line>,
}

static WHOLE: OnceLock<Vec<Whole>> = OnceLock::new();

/// The captures that tell anything.
fn load() -> Vec<Whole> {
    let Some(corpus) = golden::corpus() else { return Vec::new() };
    let captures = golden::captures(&corpus).into_iter();
    captures
        .filter(|(name, _)| !damage::MISUNDERSTANDINGS.contains(&name.as_str()))
        .map(|(name, path)| (name, damage::read(&path)))
        .filter(|(_, frames)| frames.len() <= MOST_FRAMES)
        .map(|(name, frames)| {
            let truth = ours::exchanges_of(&name, frames.iter().map(Owned::frame));
            Whole { name, frames, truth }
        })
        .filter(|whole| !whole.truth.is_empty())
        .collect()
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let captures = WHOLE.get_or_init(load);
    let [low, high, choices @ ..] = input else { return };
    if captures.is_empty() {
        return;
    }
    let chosen = usize::from(u16::from_le_bytes([*low, *high])) % captures.len();
    let Whole { name, frames, truth } = &captures[chosen];
    // Where the input ends, nothing further is damaged.
    let mut choices = choices.iter().copied();
    let damaged = damage::damage(frames, &mut |below: usize| {
        let choice = choices.next().map_or(usize::MAX, usize::from);
        if choice == usize::MAX { below.saturating_sub(1) } else { choice % below.max(1) }
    });
    let told = ours::exchanges_of(name, damaged.iter().map(Owned::frame));
    let surplus = damage::surplus(truth.clone(), told);
    assert!(surplus.is_empty(), "not in the whole capture: {surplus:#?}");
});
