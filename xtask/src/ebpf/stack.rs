//! How much stack the programs take, by their disassembly.
//!
//! Kernels before 6.13 give 512 bytes to all functions on a chain of calls, each rounded up to 32
//! (`check_max_stack_depth` in `kernel/bpf/verifier.c`). Newer ones, with stacks of their own for
//! programs, are more generous: what loads on the developer's machine may be refused at a user's.

use std::path::Path;
use std::process::Command;

const OBJDUMP: &str = "/usr/lib/llvm-22/bin/llvm-objdump";
/// `MAX_BPF_STACK`.
const MOST: u64 = 512;
const STEP: u64 = 32;

/// A function and the deepest byte of its frame that it touches.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    name: String,
    depth: u64,
    /// It is a program's entry, not a function that programs call.
    is_entry: bool,
}

/// Says which program takes the most, and how much.
///
/// # Errors
///
/// A program that kernels before 6.13 refuse.
pub(super) fn check(object: &Path) -> Result<String, String> {
    let output = Command::new(OBJDUMP)
        .args(["-d", "--no-show-raw-insn"])
        .arg(object)
        .output()
        .map_err(|error| format!("{OBJDUMP}: {error}; `cargo xtask setup` installs llvm-22"))?;
    let frames = frames(&String::from_utf8_lossy(&output.stdout));
    let (name, depth) = deepest(&frames).ok_or("no program in the object")?;
    if depth > MOST {
        return Err(format!(
            "{name} takes {depth} bytes of stack, and kernels before 6.13 refuse more than {MOST}: \
             put large values together in a map, or in a function apart"
        ));
    }
    Ok(format!("{name} takes the most stack, {depth} of {MOST} bytes"))
}

/// The program whose chain of calls may be the deepest. A program calls one function at a time,
/// which calls none but the compiler's (`memset`); any is taken for called by any.
fn deepest(frames: &[Frame]) -> Option<(&str, u64)> {
    let rounded = |frame: &Frame| frame.depth.max(1).next_multiple_of(STEP);
    let called = frames.iter().filter(|frame| !frame.is_entry).map(rounded).max().unwrap_or(0);
    let entry = frames.iter().filter(|frame| frame.is_entry).max_by_key(|frame| frame.depth)?;
    Some((&entry.name, rounded(entry) + called + STEP))
}

/// Reads `llvm-objdump -d`: a section's title, then functions as `<address> <name>:` and lines that
/// name the stack as `r10 - 0x18`, or as `r2 += -0x18` after a copy of r10.
fn frames(disassembly: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut is_entry = false;
    for line in disassembly.lines() {
        if let Some(section) = line.strip_prefix("Disassembly of section ") {
            is_entry = section != ".text:";
        } else if let Some(name) = function(line) {
            frames.push(Frame { name: name.to_owned(), depth: 0, is_entry });
        } else if let (Some(frame), Some(depth)) = (frames.last_mut(), touched(line)) {
            frame.depth = frame.depth.max(depth);
        }
    }
    frames
}

fn function(line: &str) -> Option<&str> {
    let (_, name) = line.strip_suffix(">:")?.split_once(" <")?;
    // Labels of jump targets are no functions.
    (!name.starts_with("LBB") && !name.starts_with('L')).then_some(name)
}

fn touched(line: &str) -> Option<u64> {
    let number = line.split_once("r10 - ").or_else(|| line.split_once(" += -"))?.1;
    let number = number.split([')', ' ', '\t']).next()?;
    let depth = match number.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    // A larger one is no place on the stack.
    (depth <= MOST).then_some(depth)
}

#[cfg(test)]
mod tests {
    use super::{Frame, deepest, frames};

    const LISTING: &str = "\
Disassembly of section .text:

0000000000000000 <helper>:
       0:\tr1 = 0x0
       1:\t*(u64 *)(r10 - 0x40) = r1

0000000000000048 <LBB0_1>:
       9:\t*(u64 *)(r10 - 0x48) = r1

Disassembly of section tracepoint:

0000000000000000 <enter>:
       0:\tr2 = r10
       1:\tr2 += -0xc8
       2:\tr3 += -0x1000
";

    #[test]
    fn frames_are_as_deep_as_what_they_touch() {
        let frame = |name: &str, depth, is_entry| Frame { name: name.to_owned(), depth, is_entry };
        let found = frames(LISTING);
        assert_eq!(found, [frame("helper", 0x48, false), frame("enter", 0xc8, true)]);
        // 200 and 72 rounded up to 32, and room for the compiler's own.
        assert_eq!(deepest(&found), Some(("enter", 224 + 96 + 32)));
    }
}
