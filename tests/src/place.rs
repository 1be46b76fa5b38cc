//! Where things are: the workspace, what setup installed, and directories to work in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// The agent under test: `ONLOOKER_BIN`, else the release build.
#[must_use]
pub fn agent_binary() -> PathBuf {
    std::env::var_os("ONLOOKER_BIN")
        .map_or_else(|| target().join("release/onlooker"), PathBuf::from)
}

/// The interpreter of the virtual environment that `cargo xtask setup` makes.
#[must_use]
pub fn python() -> PathBuf {
    workspace().join("target/venv/bin/python")
}

/// The Node packages that `cargo xtask setup` installs.
#[must_use]
pub fn node_modules() -> PathBuf {
    workspace().join("target/node/node_modules")
}

/// The jars of a Kafka broker that `cargo xtask setup` fetches.
#[must_use]
pub fn kafka_jars() -> PathBuf {
    workspace().join("target/kafka/libs")
}

/// The C++ workload of gRPC that `cargo xtask setup` compiles.
#[must_use]
pub fn grpc_cpp() -> PathBuf {
    workspace().join("target/grpc/grpc_cpp")
}

/// A program or script of `tests/workloads`.
#[must_use]
pub fn workload(name: &str) -> PathBuf {
    workspace().join("tests/workloads").join(name)
}

/// A directory that everybody can enter and that goes away with its owner.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one under the system's temporary directory.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn new(what: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("onlooker-{what}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path in the directory.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file into it.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind in a temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
