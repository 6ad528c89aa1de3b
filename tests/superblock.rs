//! Superblocks of file systems as their own tools make them (packages dosfstools, e2fsprogs, genisoimage).

use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use wisp::error::{Errno, Error};
use wisp::format::superblock::{Superblock, probe};

/// A directory of this test's own, removed at its end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("superblock-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    /// A sparse file of zeros.
    fn image(&self, mib: u64) -> PathBuf {
        let path = self.0.join("image");
        File::create(&path).unwrap().set_len(mib << 20).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(program: &str, arguments: &[&str]) {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("/usr/bin/env").env("PATH", path).arg(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What is found, and with how many reads.
fn found(path: &Path) -> (Option<Superblock>, u32) {
    let file = File::open(path).unwrap();
    let reads = Cell::new(0);
    let found = probe(&mut |offset, out: &mut [u8]| {
        reads.set(reads.get() + 1);
        assert!(out.len() <= 4096);
        file.read_at(out, offset).map_err(|_| Error::new("read", "image", Errno::IO))
    });
    (found.unwrap(), reads.get())
}

fn assert_found(path: &Path, fstype: &str, label: &str, uuid: &str) {
    let (superblock, reads) = found(path);
    let superblock = superblock.unwrap_or_else(|| panic!("{fstype} not found"));
    assert_eq!((superblock.fstype, superblock.label.as_str(), &*superblock.uuid.to_string()), (fstype, label, uuid));
    assert!(reads <= 4, "{fstype}: {reads} reads");
}

fn patch(path: &Path, offset: u64, bytes: &[u8]) {
    File::options().write(true).open(path).unwrap().write_all_at(bytes, offset).unwrap();
}

fn position_of(path: &Path, bytes: &[u8], from: usize) -> usize {
    let image = fs::read(path).unwrap();
    from + image[from..].windows(bytes.len()).position(|window| window == bytes).unwrap()
}

#[test]
fn vfat() {
    for (bits, mib, boot_label) in [("12", 2, 43), ("16", 20, 43), ("32", 40, 71)] {
        let dir = Dir::new(bits);
        let image = dir.image(mib);
        let text = image.to_str().unwrap();
        run("mkfs.vfat", &["-F", bits, "-n", "CONFIG-2", "-i", "0badcafe", text]);
        assert_found(&image, "vfat", "CONFIG-2", "0BAD-CAFE");
        // The directory's entry is the one that counts, and without it the parameter block's.
        patch(&image, boot_label, b"BOOT LABEL ");
        assert_found(&image, "vfat", "CONFIG-2", "0BAD-CAFE");
        let entry = position_of(&image, b"CONFIG-2   \x08", 512);
        patch(&image, entry as u64, b"\xE5");
        assert_found(&image, "vfat", "BOOT LABEL", "0BAD-CAFE");
        patch(&image, boot_label, b"NO NAME    ");
        assert_found(&image, "vfat", "", "0BAD-CAFE");
    }
}

#[test]
fn ext() {
    for fstype in ["ext2", "ext3", "ext4"] {
        let dir = Dir::new(fstype);
        let image = dir.image(8);
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        run("mke2fs", &["-q", "-F", "-t", fstype, "-L", "cloud root", "-U", uuid, image.to_str().unwrap()]);
        assert_found(&image, fstype, "cloud root", uuid);
    }
}

#[test]
fn iso9660() {
    for (name, options, wanted) in [
        ("plain", &["-V", "config-2"][..], "config-2"),
        ("rock-ridge", &["-R", "-V", "config-2"], "config-2"),
        ("joliet", &["-J", "-r", "-V", "cidata"], "cidata"),
        ("long", &["-J", "-V", "a label of more than 16"], "a label of more than 16"),
        ("udf", &["-J", "-udf", "-V", "config-2"], "config-2"),
    ] {
        let dir = Dir::new(name);
        let tree = dir.0.join("tree");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("user-data"), "#!/bin/sh\n").unwrap();
        let image = dir.0.join("image");
        let paths = ["-quiet", "-o", image.to_str().unwrap(), tree.to_str().unwrap()];
        run("genisoimage", &[options, &paths].concat());
        let (superblock, reads) = found(&image);
        let superblock = superblock.unwrap();
        assert_eq!((superblock.fstype, superblock.label.as_str()), ("iso9660", wanted), "{name}");
        assert_eq!(superblock.uuid.to_string().len(), 22, "{name}: {}", superblock.uuid);
        assert!(reads <= 4, "{name}: {reads} reads");
    }
}

#[test]
fn a_drive_of_nothing_costs_three_reads() {
    let dir = Dir::new("nothing");
    assert_eq!(found(&dir.image(1)), (None, 3));
}
