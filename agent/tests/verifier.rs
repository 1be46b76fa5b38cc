//! What the verifier walks for each program, against what is on record: a jump is a failing test,
//! not a surprise at a user's.
//!
//! The record is `bpf/verifier.txt`: kernel, program, instructions. `ONLOOKER_RECORD=1` writes the
//! lines of the running kernel anew.

mod programs;

use std::collections::BTreeMap;
use std::fs;

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bpf/verifier.txt");
/// The same object on a later patch release of a kernel may differ a little.
const TOLERANCE_PERCENT: u64 = 5;

type Counts = BTreeMap<(String, String), u64>;

fn read() -> Counts {
    let text = fs::read_to_string(RECORD).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let key = (words.next()?.to_owned(), words.next()?.to_owned());
            Some((key, words.next()?.parse().ok()?))
        })
        .collect()
}

/// `6.18` of `6.18.44-cloud`.
fn kernel() -> String {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy().into_owned();
    release.split('.').take(2).collect::<Vec<_>>().join(".")
}

#[test]
fn no_program_costs_the_verifier_more_than_is_on_record() {
    let Some(probe) = programs::loaded() else { return };
    let kernel = kernel();
    let mut record = read();
    let mut wrong = Vec::new();
    let mut seen = Counts::new();
    for cost in probe.costs() {
        let Some(now) = cost.verified_instructions.map(u64::from) else {
            return programs::skip("this kernel does not count (it does from 5.16 on)");
        };
        println!("{kernel} {:<20} {now:>8}", cost.name);
        let key = (kernel.clone(), cost.name.clone());
        match record.get(&key) {
            Some(&known) if now * 100 > known * (100 + TOLERANCE_PERCENT) => {
                wrong.push(format!("{}: {now}, on record {known}", cost.name));
            }
            Some(_) => {}
            None => wrong.push(format!("{}: {now}, not on record", cost.name)),
        }
        seen.insert(key, now);
    }
    if std::env::var_os("ONLOOKER_RECORD").is_some() {
        record.retain(|(of, _), _| *of != kernel);
        record.extend(seen);
        let lines = record.iter().map(|((kernel, name), n)| format!("{kernel} {name} {n}\n"));
        fs::write(RECORD, lines.collect::<String>()).expect("the record can be written");
        return;
    }
    if !record.keys().any(|(of, _)| *of == kernel) {
        println!("skipped: kernel {kernel} is not on record");
        return;
    }
    assert!(wrong.is_empty(), "run with ONLOOKER_RECORD=1 if this is meant:\n{}", wrong.join("\n"));
}
