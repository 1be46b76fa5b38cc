//! The machine: privileges, the kernel, every feature.

use std::fmt::Display;
use std::io::ErrorKind;

use super::{Finding, Grade};
use crate::probe::{Btf, Courtesy, Probe, ProbeOptions, kernel};
use crate::process;

/// Capabilities that matter: bit, name, what for.
const CAPABILITIES: &[(u32, &str, &str)] = &[
    (39, "CAP_BPF", "loading programs (5.8 and later; before, CAP_SYS_ADMIN)"),
    (38, "CAP_PERFMON", "attaching to tracepoints (5.8 and later; before, CAP_SYS_ADMIN)"),
    (19, "CAP_SYS_PTRACE", "reading other users' /proc entries: names, sockets, environments"),
];
const CAP_SYS_ADMIN: u32 = 21;

/// Everything that does not depend on a target.
pub(super) fn examine() -> Vec<Finding> {
    let mut findings = vec![kernel(), privileges(), courtesy(), types(), tracefs(), namespace()];
    findings.extend(lockdown());
    findings.extend(programs());
    findings
}

fn kernel() -> Finding {
    let name = format!("kernel {}", kernel::release());
    if !kernel::is_at_least(5, 8) {
        let why = "older than 5.8, which has no ring buffer for programs";
        return Finding::new(Grade::Bad, name, why);
    }
    if !kernel::is_at_least(5, 17) {
        let why = "older than 5.17: of calls with many buffers, or above 64 KiB, less is copied";
        return Finding::new(Grade::Less, name, why);
    }
    Finding::new(Grade::Good, name, "")
}

fn privileges() -> Finding {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    let has = |bit: u32| mask & (1 << bit) != 0;
    let missing: Vec<_> = CAPABILITIES
        .iter()
        .filter(|(bit, ..)| !has(*bit) && (*bit < 38 || !has(CAP_SYS_ADMIN)))
        .map(|(_, name, what)| format!("{name} for {what}"))
        .collect();
    if missing.is_empty() {
        return Finding::new(Grade::Good, "privileges", "");
    }
    let meaning = format!("missing {}; run as root or grant them", missing.join(", "));
    Finding::new(Grade::Bad, "privileges", meaning)
}

fn courtesy() -> Finding {
    let name = "giving way to the services";
    match Courtesy::is_possible() {
        Ok(()) => Finding::new(Grade::Good, name, ""),
        Err(why) => {
            let why = match why.kind() {
                ErrorKind::PermissionDenied => "CAP_SYS_NICE is missing".to_owned(),
                _ => why.to_string(),
            };
            let why = format!("the agent competes as every other process does: {why}");
            Finding::new(Grade::Less, name, why)
        }
    }
}

fn types() -> Finding {
    match Btf::of_kernel() {
        Ok(_) => Finding::new(Grade::Good, "kernel type information (BTF)", ""),
        Err(error) => Finding::new(Grade::Bad, "kernel type information (BTF)", error.to_string()),
    }
}

fn tracefs() -> Finding {
    if kernel::is_tracefs_there() {
        return Finding::new(Grade::Good, "tracefs", "");
    }
    if kernel::is_tracefs_hidden() {
        return Finding::new(Grade::Bad, "tracefs", "this user may not read it; run as root");
    }
    Finding::new(Grade::Good, "tracefs", "not mounted; Onlooker mounts it when it starts")
}

/// In a pid namespace of its own the agent sees other numbers than the kernel programs.
fn namespace() -> Finding {
    if process::is_apart() {
        Finding::new(
            Grade::Bad,
            "pid namespace",
            "this is a container's own: run with the host's (docker: --pid=host, Kubernetes: \
             hostPID: true)",
        )
    } else {
        Finding::new(Grade::Good, "pid namespace", "")
    }
}

fn lockdown() -> Option<Finding> {
    let text = std::fs::read_to_string("/sys/kernel/security/lockdown").ok()?;
    let mode = text.split('[').nth(1)?.split(']').next()?;
    (mode == "confidentiality").then(|| {
        Finding::new(
            Grade::Bad,
            "kernel lockdown",
            "in mode confidentiality programs cannot read memory; boot with lockdown=integrity",
        )
    })
}

/// Loads and attaches everything once, and says what the kernel refused.
fn programs() -> Vec<Finding> {
    let options = ProbeOptions { ring_bytes: 64 * 1024, ..ProbeOptions::default() };
    let mut probe = match Probe::load(&options) {
        Ok(probe) => probe,
        Err(error) => return vec![Finding::new(Grade::Bad, "kernel programs", why(&error))],
    };
    let attached = probe.attach();
    let mut findings: Vec<_> = probe
        .features()
        .iter()
        .map(|feature| match feature.problem() {
            None => Finding::new(Grade::Good, feature.name, ""),
            Some(why) => {
                Finding::new(Grade::Less, feature.name, format!("{} ({why})", feature.without))
            }
        })
        .collect();
    if let Err(error) = attached {
        findings.push(Finding::new(Grade::Bad, "attaching", why(&error)));
    }
    if probe.skipped().iter().any(|program| program.runs.is_none()) {
        let meaning = "this kernel does not say how often it skipped one that would have interrupted \
                       itself (it does from 5.12 on)";
        findings.push(Finding::new(Grade::Less, "kernel programs", meaning));
    }
    let walked: u32 = probe.costs().iter().filter_map(|cost| cost.verified_instructions).sum();
    if walked > 0 {
        let meaning = format!("{walked} instructions walked by the verifier");
        findings.push(Finding::new(Grade::Good, "kernel programs", meaning));
    }
    findings
}

/// What an error says to who has asked the doctor already.
fn why(error: &impl Display) -> String {
    let told = error.to_string();
    told.split("; `onlooker doctor`").next().map(str::to_owned).unwrap_or(told)
}

#[cfg(test)]
mod tests {
    use super::why;
    use crate::probe::ProbeError;

    #[test]
    fn the_doctor_does_not_send_to_the_doctor() {
        for error in [
            ProbeError::Permission("no".to_owned()),
            ProbeError::Load("no".to_owned()),
            ProbeError::NothingAttached("no".to_owned()),
        ] {
            assert!(error.to_string().contains("doctor") && !why(&error).contains("doctor"));
        }
    }
}
