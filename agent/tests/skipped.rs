//! The kernel's count of the runs that it skipped can be read of every program that is loaded.

use onlooker::probe::{Probe, ProbeOptions};

#[test]
fn the_kernel_tells_of_every_loaded_program_how_often_it_was_skipped() {
    let probe =
        match Probe::load(&ProbeOptions { ring_bytes: 64 * 1024, ..ProbeOptions::default() }) {
            Ok(probe) => probe,
            Err(error) => {
                assert!(
                    std::env::var_os("ONLOOKER_REQUIRE_E2E").is_none(),
                    "programs must load on the continuous build: {error}"
                );
                println!("skipped: programs cannot be loaded here: {error}");
                return;
            }
        };
    let skipped = probe.skipped();
    let names: Vec<_> = skipped.iter().map(|program| program.name.as_str()).collect();
    let loaded: Vec<_> = probe.costs().into_iter().map(|program| program.name).collect();
    assert_eq!(names, loaded);
    if skipped.iter().all(|program| program.runs.is_none()) {
        println!("skipped: this kernel does not tell (it does from 5.12 on)");
        return;
    }
    // Nothing is attached, so nothing ran and nothing was skipped.
    for program in skipped {
        assert_eq!(program.runs, Some(0), "{}", program.name);
    }
}
