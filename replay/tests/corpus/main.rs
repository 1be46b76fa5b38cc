//! Every capture of the corpora against tshark's reading of it.
//!
//! A capture in which tshark sees no protocol that we speak must give no exchange: the corpora
//! double as negative ones.

mod damage;
mod golden;
mod loss;
mod normal;
mod ours;
mod words;

use std::collections::BTreeMap;

use golden::Line;

/// What is left of both readings once they were laid side by side.
#[derive(Default)]
struct Difference {
    /// Golden lines, complete ones, that we did not find.
    missing: Vec<Line>,
    /// Lines of ours that contradict the golden ones, or that tshark does not see.
    extra: Vec<Line>,
}

#[test]
fn the_captures_tell_what_tshark_reads_in_them() {
    let Some(corpus) = golden::corpus() else { return };
    let only = std::env::var("ONLOOKER_CORPUS").unwrap_or_default();
    let mut golden = golden::golden();
    let mut all = Difference::default();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (name, path) in golden::captures(&corpus) {
        let expected = golden.remove(&name).unwrap_or_default();
        if !name.contains(&only) {
            continue;
        }
        let ours = ours::exchanges(&name, &path);
        for line in &ours {
            *seen.entry(line.protocol.clone()).or_default() += 1;
        }
        let Difference { missing, extra } = compare(expected, ours);
        all.missing.extend(missing);
        all.extra.extend(extra);
    }
    assert!(golden.is_empty(), "golden results without a capture: {:?}", golden.keys());
    println!("exchanges that agree or are excused: {seen:?}");
    let mut excused = golden::deviations();
    let mut excuse = |sign, line: &Line| {
        let at = excused.iter().position(|(known, other)| *known == sign && other == line);
        at.map(|at| excused.swap_remove(at)).is_some()
    };
    all.missing.retain(|line| !excuse('-', line));
    all.extra.retain(|line| !excuse('+', line));
    for line in &all.missing {
        println!("-{line}");
    }
    for line in &all.extra {
        println!("+{line}");
    }
    let (missing, extra) = (all.missing.len(), all.extra.len());
    assert!(missing + extra == 0, "{missing} exchanges missing, {extra} too many (listed above)");
    if only.is_empty() {
        assert!(excused.is_empty(), "deviations that are none: {excused:#?}");
    }
}

/// Lays golden lines and ours side by side: exact matches first, then those that agree as far as
/// both know.
fn compare(expected: Vec<Line>, ours: Vec<Line>) -> Difference {
    let mut expected: Vec<_> = expected.into_iter().flat_map(normal::normalise).collect();
    let mut ours = ours;
    let rules: [fn(&Line, &Line) -> bool; 3] = [
        |golden, line| golden == line,
        |golden, line| golden.agrees(line),
        // An exchange whose end tshark did not see.
        |golden, line| {
            let open = Line { result: "?".to_owned(), ..line.clone() };
            !golden.is_complete() && golden.agrees(&open)
        },
    ];
    for rule in rules {
        ours.retain(|line| {
            let found = expected.iter().position(|golden| rule(golden, line));
            found.map(|at| expected.remove(at)).is_none()
        });
    }
    expected.retain(Line::is_complete);
    Difference { missing: expected, extra: ours }
}
