//! Puts the build id into the binary: a hash of the version and of everything the binary is made from, so that
//! a crash report names one source text. The same sources give the same id anywhere.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let mut files = vec![PathBuf::from("Cargo.toml"), PathBuf::from("Cargo.lock")];
    collect(Path::new("src"), &mut files);
    files.sort();

    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let mut hash = Fnv1a::new();
    hash.add(version.as_bytes());
    for file in &files {
        // A package made by `cargo package` may lack Cargo.lock.
        if let Ok(content) = fs::read(file) {
            hash.add(file.to_string_lossy().as_bytes());
            hash.add(&(content.len() as u64).to_le_bytes());
            hash.add(&content);
        }
    }
    println!("cargo:rustc-env=WISP_BUILD_ID={version}-{:016x}", hash.0);
    for watched in ["src", "Cargo.toml", "Cargo.lock", "build.rs"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    // What the linker puts in front (.ci/link-gcc). A package has none.
    if Path::new(".ci/order").exists() {
        println!("cargo:rerun-if-changed=.ci/order");
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): no secret is kept by it, it tells texts apart.
struct Fnv1a(u64);

impl Fnv1a {
    fn new() -> Self {
        Fnv1a(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
