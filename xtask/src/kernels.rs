//! `cargo xtask kernels`: the agent on kernels that users have and this machine has not.
//!
//! Debian's kernels are booted in an emulator (no virtualisation is needed) with this machine's
//! root file system, read-only, as theirs; a request through nginx is traced there, and its spans
//! and their links are counted.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use onlooker_e2e::workspace;

use crate::shell::{self, Result, cargo, has_program};

/// What the emulated machine needs: program, and Debian's package that has it.
const NEEDED: [(&str, &str); 5] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("busybox", "busybox-static"),
    ("cpio", "cpio"),
    ("modprobe", "kmod"),
    ("curl", "curl"),
];
const VIRTIOFSD: &str = "/usr/lib/qemu/virtiofsd";
/// Emulation is slow, and a kernel that hangs is a finding.
const TIMEOUT: &str = "400";

/// A kernel and where Debian has it.
struct Kernel {
    version: &'static str,
    archive: &'static str,
    suite: &'static str,
}

const KERNELS: [Kernel; 3] = [
    Kernel {
        version: "5.10",
        archive: "http://deb.debian.org/debian-security",
        suite: "bullseye-security",
    },
    Kernel { version: "6.1", archive: "http://deb.debian.org/debian", suite: "bookworm" },
    Kernel { version: "6.12", archive: "http://deb.debian.org/debian", suite: "trixie" },
];

#[derive(Args)]
pub(crate) struct Options {
    /// Only these versions (5.10, 6.1, 6.12).
    versions: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result {
    for (program, package) in NEEDED {
        if !has_program(program) && !Path::new("/usr/sbin").join(program).exists() {
            return Err(format!("{program} is not there: apt-get install {package}"));
        }
    }
    shell::run(&mut cargo(["build", "--release", "--locked", "--bin", "onlooker"]))?;
    let wanted = |kernel: &&Kernel| {
        options.versions.is_empty() || options.versions.iter().any(|it| it == kernel.version)
    };
    let mut failed = Vec::new();
    for kernel in KERNELS.iter().filter(wanted) {
        println!("\n== kernel {}", kernel.version);
        let result = kernel.fetch().and_then(|root| try_out(&root));
        match result {
            Ok(()) => println!("kernel {}: ok", kernel.version),
            Err(why) => {
                println!("kernel {}: {why}", kernel.version);
                failed.push(kernel.version);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not on {}", failed.join(", "))) }
}

impl Kernel {
    /// Gets and unpacks the newest package of this version; gives its folder.
    fn fetch(&self) -> Result<PathBuf> {
        let root = workspace().join("target/kernels").join(self.version);
        if root.join("boot").exists() {
            return Ok(root);
        }
        fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        let Self { version, archive, suite } = self;
        // The signed package of the flavour for virtual machines: the smallest.
        let script = format!(
            "set -e -o pipefail; cd {}; \
             file=$(curl -sSf {archive}/dists/{suite}/main/binary-amd64/Packages.xz | xz -dc | \
             awk '/^Package:/ {{ ours = $2 ~ /^linux-image-{version}[.0-9+a-z-]*-cloud-amd64$/ }} \
             /^Filename:/ && ours {{ print $2 }}' | sort -V | tail -1); \
             test -n \"$file\"; curl -sSf -o package.deb {archive}/$file; dpkg -x package.deb .",
            root.display(),
        );
        shell::run_quietly(Command::new("bash").args(["-c", &script]))?;
        Ok(root)
    }
}

/// Boots the kernel and reads what the guest tells.
fn try_out(root: &Path) -> Result {
    let image = entry(&root.join("boot"), "vmlinuz-")?;
    let release = image.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let initrd = initrd(root, release.trim_start_matches("vmlinuz-"))?;
    let output = boot(root, &image, &initrd)?;
    print!("{output}");
    // curl asks nginx, which asks itself: four spans a request, three of them with a parent.
    let count = |what: &str| output.lines().filter(|line| line.contains(what)).count();
    let seen = [count("span: "), count("evidence=same-call"), count("evidence=segment")];
    if seen == [12, 6, 3] {
        return Ok(());
    }
    Err(format!("spans, same calls, segments: {seen:?} instead of [12, 6, 3]"))
}

fn entry(folder: &Path, prefix: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(prefix)))
        .ok_or_else(|| format!("{}: no {prefix}", folder.display()))
}

/// An initial root with what it takes to mount the host's.
fn initrd(root: &Path, release: &str) -> Result<PathBuf> {
    let (tree, packed) = (root.join("initrd"), root.join("initrd.gz"));
    let agent = workspace().join("target/release/onlooker");
    let guest = format!("AGENT={}\n{}", agent.display(), include_str!("kernels/guest.sh"));
    let write = |name: &str, text: &str| {
        let path = tree.join(name);
        let folder = path.parent().unwrap_or(&tree);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    write("init", include_str!("kernels/init.sh"))?;
    write("guest", &guest)?;
    let script = format!(
        "set -e -o pipefail; PATH=$PATH:/usr/sbin:/sbin; cd {tree}; \
         mkdir -p bin proc sys dev host modules; cp \"$(command -v busybox)\" bin/; chmod +x init; \
         base={root}; [ -d $base/lib/modules/{release} ] || base={root}/usr; \
         depmod -b $base {release}; : > modules/order; \
         for module in virtio_pci virtiofs; do \
           modprobe -d $base -S {release} --show-depends $module 2>/dev/null | \
             awk '$1 == \"insmod\" {{ print $2 }}' | while read -r file; do \
               name=$(basename \"$file\" .xz); grep -qx \"$name\" modules/order && continue; \
               case $file in *.xz) xz -dc \"$file\" ;; *) cat \"$file\" ;; esac > modules/$name; \
               echo $name >> modules/order; \
             done || true; \
         done; \
         find . | cpio -o -H newc --quiet | gzip -1 > {packed}",
        tree = tree.display(),
        root = root.display(),
        packed = packed.display(),
    );
    shell::run_quietly(Command::new("bash").args(["-c", &script]))?;
    Ok(packed)
}

/// Runs the emulator to its end; gives what the guest printed.
fn boot(root: &Path, image: &Path, initrd: &Path) -> Result<String> {
    let path = |name: &str| root.join(name).to_string_lossy().into_owned();
    let (socket, output, status) = (path("files.socket"), path("output"), path("status"));
    for old in [&socket, &output, &status] {
        // It is not there the first time.
        let _ = fs::remove_file(old);
    }
    let log = File::create(path("files.log")).map_err(|error| error.to_string())?;
    // It ends with the emulator, its only client.
    let mut files = Command::new(VIRTIOFSD)
        .arg(format!("--socket-path={socket}"))
        .args(["-o", "source=/,cache=always,sandbox=chroot", "--rlimit-nofile=0"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| format!("{VIRTIOFSD}: {error} (package qemu-system-common)"))?;
    let mut emulator = Command::new("timeout");
    emulator
        .args([TIMEOUT, "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"])
        .args(["-display", "none", "-M", "q35,memory-backend=memory", "-accel", "tcg,thread=multi"])
        // QEMU 7.2 leaves flags behind cmpxchg16b that no processor has: an interrupt there ends
        // the guest by a double fault. Kernels do without the instruction.
        .args(["-cpu", "max,-cx16", "-smp", "2", "-m", "2G"])
        .args(["-object", "memory-backend-memfd,id=memory,size=2G,share=on"])
        .arg("-chardev")
        .arg(format!("socket,id=files,path={socket}"))
        .args(["-device", "vhost-user-fs-pci,chardev=files,tag=host"])
        .arg("-kernel")
        .arg(image)
        .arg("-initrd")
        .arg(initrd)
        .args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"]);
    for (id, file) in [("console", &path("console")), ("output", &output), ("status", &status)] {
        emulator.arg("-chardev").arg(format!("file,id={id},path={file}"));
        emulator.arg("-serial").arg(format!("chardev:{id}"));
    }
    // The server makes its socket before it does anything else.
    while !Path::new(&socket).exists() {
        if let Some(status) = files.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("{VIRTIOFSD} ended ({status}), see {}", path("files.log")));
        }
        std::thread::yield_now();
    }
    let ran = shell::run_quietly(&mut emulator);
    // It may be gone already.
    let _ = files.kill();
    let _ = files.wait();
    ran?;
    let text = |file: &str| fs::read(file).map(|it| String::from_utf8_lossy(&it).replace('\r', ""));
    let output = text(&output).unwrap_or_default();
    match text(&status).unwrap_or_default().trim() {
        "0" => Ok(output),
        status => Err(format!("the guest ended with {status:?}, see {}:\n{output}", path(""))),
    }
}
