//! The kernel's count of the runs that it skipped can be read of every program that is loaded.

mod programs;

#[test]
fn the_kernel_tells_of_every_loaded_program_how_often_it_was_skipped() {
    let Some(probe) = programs::loaded() else { return };
    let skipped = probe.skipped();
    let names: Vec<_> = skipped.iter().map(|program| program.name.as_str()).collect();
    let loaded: Vec<_> = probe.costs().into_iter().map(|program| program.name).collect();
    assert_eq!(names, loaded);
    if skipped.iter().all(|program| program.runs.is_none()) {
        return programs::skip("this kernel does not tell (it does from 5.12 on)");
    }
    // Nothing is attached, so nothing ran and nothing was skipped.
    for program in skipped {
        assert_eq!(program.runs, Some(0), "{}", program.name);
    }
}
