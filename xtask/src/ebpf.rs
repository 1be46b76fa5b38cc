//! Building the programs that run in the kernel.
//!
//! The objects are committed, so that `cargo build` needs stable Rust and nothing else; the
//! continuous build makes them again (`--check`) and fails if a byte differs.

mod stack;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

/// The committed objects with their features, and which toolchain made them.
const OBJECTS: [(&str, &str); 2] =
    [("agent/bpf/onlooker.bpf.o", "loops"), ("agent/bpf/onlooker-without-loops.bpf.o", "")];
const STAMP: &str = "agent/bpf/TOOLCHAIN";
/// Debian's `rustc-web`, whose standard library package has `core` for BPF.
const RUSTC: &str = "/usr/bin/rustc";
const OBJCOPY: &str = "/usr/lib/llvm-22/bin/llvm-objcopy";
/// Where it is built, always: see [`stage`].
const STAGE: &str = "/tmp/onlooker-bpf-build";
const TARGET: &str = "bpfel-unknown-none";

/// `cargo xtask ebpf`
#[derive(Args)]
pub(crate) struct Options {
    /// Compare with the committed object instead of replacing it.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Builds the objects and writes them, or compares them.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let root = onlooker_e2e::workspace();
    let stamp = stamp()?;
    for (path, features) in OBJECTS {
        let built = build(&root, features)?;
        println!("{path}: {}", stack::check(&built)?);
        let object = fs::read(&built).map_err(|error| format!("{}: {error}", built.display()))?;
        if options.check {
            compare(&root, path, &object, &stamp)?;
        } else {
            write(&root.join(path), &object)?;
            println!("{path}: {} bytes", object.len());
        }
    }
    if options.check { Ok(()) } else { write(&root.join(STAMP), stamp.as_bytes()) }
}

fn compare(root: &Path, path: &str, object: &[u8], stamp: &str) -> Result<(), String> {
    let committed = fs::read(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
    if object == committed {
        println!("{path} is what its sources make");
        return Ok(());
    }
    let made_by = fs::read_to_string(root.join(STAMP)).unwrap_or_default();
    Err(if made_by == stamp {
        format!("{path} is not what its sources make: run `cargo xtask ebpf` and commit it")
    } else {
        format!(
            "{path} was made by another toolchain; run `cargo xtask ebpf` and commit it.\n\
             committed:\n{made_by}here:\n{stamp}"
        )
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Which tools make the object: every one that can change a byte of it.
fn stamp() -> Result<String, String> {
    let rustc = said(Command::new(RUSTC).arg("--version"), "rustc-web")?;
    let linker = said(Command::new("bpf-linker").arg("--version"), "bpf-linker")?;
    let cargo = said(Command::new("cargo").arg("--version"), "cargo")?;
    Ok(format!("{rustc}{linker}{cargo}"))
}

fn said(command: &mut Command, what: &str) -> Result<String, String> {
    let output = command.output().map_err(|error| {
        format!("{what} is not there ({error}): `cargo xtask setup` installs it on Debian")
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Copies the sources to where they are built: cargo's hash of a crate, which is in the names of
/// its functions and so in the object, depends on the crate's path.
fn stage(root: &Path) -> Result<PathBuf, String> {
    let stage = PathBuf::from(STAGE);
    for member in ["common", "ebpf"] {
        let to = stage.join(member);
        if to.join("src").exists() {
            fs::remove_dir_all(to.join("src")).map_err(|error| format!("{STAGE}: {error}"))?;
        }
        for path in sources(&root.join(member))? {
            let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.strip_prefix(root.join(member)).map_err(|error| error.to_string())?;
            write(&to.join(name), &bytes)?;
        }
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).map_err(|e| e.to_string())?;
    let members = manifest.lines().map(|line| {
        if line.starts_with("members = ") {
            "members = [\"common\"]"
        } else if line.starts_with("default-members = ") {
            ""
        } else {
            line
        }
    });
    let manifest = members.collect::<Vec<_>>().join("\n");
    write(&stage.join("Cargo.toml"), manifest.as_bytes())?;
    Ok(stage)
}

/// A crate's manifest, lock file and modules.
fn sources(member: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![member.join("Cargo.toml")];
    found.extend(Some(member.join("Cargo.lock")).filter(|lock| lock.exists()));
    let mut folders = vec![member.join("src")];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

fn build(root: &Path, features: &str) -> Result<PathBuf, String> {
    let stage = stage(root)?;
    let folder = stage.join("ebpf");
    let home = std::env::var("CARGO_HOME")
        .ok()
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut flags = vec![
        "-Clinker=bpf-linker".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        "--cfg=bpf_target_arch=\"x86_64\"".to_owned(),
        // Nothing of the building machine may be in the object.
        format!("--remap-path-prefix={STAGE}=onlooker"),
    ];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--locked", "--target", TARGET])
        .args(["--features", features])
        .current_dir(&folder)
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err("the programs do not build".to_owned());
    }
    let made = folder.join("target").join(TARGET).join("release/onlooker");
    let stripped = made.with_extension("o");
    // BTF stays; DWARF, which only served to make it, goes.
    let status = Command::new(OBJCOPY)
        .arg("--strip-debug")
        .args([&made, &stripped])
        .status()
        .map_err(|error| format!("{OBJCOPY}: {error}; `cargo xtask setup` installs llvm-22"))?;
    if status.success() { Ok(stripped) } else { Err("llvm-objcopy failed".to_owned()) }
}
