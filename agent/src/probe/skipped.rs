//! Runs of programs that the kernel skipped: it does not run one inside itself on the same processor.
//!
//! The kernel counts them in `recursion_misses`, which stands in the `fdinfo` of a program's descriptor
//! (`bpf_prog_show_fdinfo`, `kernel/bpf/syscall.c`, 5.12 and later).

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::Ebpf;

/// How often the kernel skipped a program.
#[derive(Clone, Debug)]
pub struct SkippedRuns {
    /// The program.
    pub name: String,
    /// How often since it was loaded; `None` if the kernel does not tell.
    pub runs: Option<u64>,
}

/// Of each loaded program.
pub(super) fn of(ebpf: &Ebpf) -> Vec<SkippedRuns> {
    let mut all: Vec<_> = ebpf
        .programs()
        .filter_map(|(name, program)| {
            let descriptor = program.fd().ok()?.as_fd().as_raw_fd();
            let text = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}"));
            let runs = text.ok().and_then(|text| recursion_misses(&text));
            Some(SkippedRuns { name: name.to_owned(), runs })
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn recursion_misses(fdinfo: &str) -> Option<u64> {
    fdinfo.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::recursion_misses;

    /// As 6.18 writes it; 5.12 has neither `verified_insns` nor `btf_id`.
    const FDINFO: &str = "pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t2082\nprog_type:\t17\n\
        prog_jited:\t1\nprog_tag:\t6deef7357e7b4530\nmemlock:\t4096\nprog_id:\t42\nrun_time_ns:\t0\n\
        run_cnt:\t0\nrecursion_misses:\t1289\nverified_insns:\t330\n";

    #[test]
    fn the_kernels_count_is_read() {
        assert_eq!(recursion_misses(FDINFO), Some(1289));
    }

    #[test]
    fn a_kernel_that_does_not_tell_is_not_taken_for_zero() {
        assert_eq!(recursion_misses("pos:\t0\nprog_type:\t17\n"), None);
        assert_eq!(recursion_misses("recursion_misses:\t\n"), None);
        assert_eq!(recursion_misses(""), None);
    }
}
