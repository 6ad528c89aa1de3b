//! The release binary as a file: static, within its size, nothing both writable and executable.
//!
//! `WISP_BIN` names it, else it is where `make` puts it. `WISP_SIZE_LINE` is the size it may have: `make`
//! sets it by how it built (std from source: the release's line; rustc's own musl target: the promise).

use std::path::PathBuf;

const SIZE_PROMISED: u64 = 1024 * 1024;

// elf(5).
const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const PT_GNU_STACK: u64 = 0x6474_e551;
const PF_X: u64 = 1;
const PF_W: u64 = 2;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;

struct Segment {
    kind: u64,
    flags: u64,
    offset: u64,
    size: u64,
}

fn binary() -> Vec<u8> {
    let path = match std::env::var_os("WISP_BIN") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/x86_64-unknown-linux-musl/release/wisp"),
    };
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make` first", path.display()))
}

/// A little-endian number of `width` bytes.
fn number(elf: &[u8], at: u64, width: usize) -> u64 {
    let at = at as usize;
    elf[at..at + width].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn segments(elf: &[u8]) -> Vec<Segment> {
    let (table, each, count) = (number(elf, 32, 8), number(elf, 54, 2), number(elf, 56, 2));
    (0..count)
        .map(|index| table + index * each)
        .map(|at| Segment {
            kind: number(elf, at, 4),
            flags: number(elf, at + 4, 4),
            offset: number(elf, at + 8, 8),
            size: number(elf, at + 32, 8),
        })
        .collect()
}

#[test]
fn is_an_x86_64_program() {
    let elf = binary();
    assert_eq!(elf[..6], *b"\x7fELF\x02\x01", "ELF, 64 bits, little-endian");
    assert_eq!(number(&elf, 18, 2), 62, "e_machine is EM_X86_64");
}

#[test]
fn needs_no_interpreter_and_no_library() {
    let elf = binary();
    for segment in segments(&elf) {
        assert_ne!(segment.kind, PT_INTERP, "PT_INTERP: not static");
        if segment.kind == PT_DYNAMIC {
            let entries = (0..segment.size / 16).map(|n| number(&elf, segment.offset + n * 16, 8));
            let needed = entries.take_while(|tag| *tag != DT_NULL).filter(|tag| *tag == DT_NEEDED);
            assert_eq!(needed.count(), 0, "DT_NEEDED: needs shared libraries");
        }
    }
}

#[test]
fn is_within_its_size() {
    let size = binary().len() as u64;
    let line = match std::env::var("WISP_SIZE_LINE") {
        Ok(line) => line.trim().parse().expect("WISP_SIZE_LINE is a number of bytes"),
        Err(_) => SIZE_PROMISED,
    };
    assert!(line <= SIZE_PROMISED);
    assert!(size <= line, "{size} bytes, of at most {line}");
}

#[test]
fn no_memory_is_writable_and_executable() {
    let elf = binary();
    let segments = segments(&elf);
    assert!(segments.iter().any(|segment| segment.kind == PT_LOAD));
    for segment in segments.iter().filter(|segment| segment.kind == PT_LOAD) {
        assert_ne!(segment.flags & (PF_W | PF_X), PF_W | PF_X, "at {:#x}", segment.offset);
    }
    // Without this header the kernel makes the stack executable.
    let stack = segments.iter().find(|segment| segment.kind == PT_GNU_STACK);
    let stack = stack.expect("no PT_GNU_STACK");
    assert_eq!(stack.flags & PF_X, 0, "the stack is executable");
}
