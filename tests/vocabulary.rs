//! A short fuzz of every parser: the seeds of `fuzz/`, changed with the words of `fuzz/dictionaries/`, and texts of such
//! words alone. What must hold is the same as under libFuzzer (`fuzz/properties/`). `WISP_FUZZ_CASES` asks for more inputs a
//! target, `WISP_FUZZ_SEED` for others.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../fuzz/properties/mod.rs"]
mod properties;

const CASES: u64 = 2_000;
const MAX_WORDS: u64 = 40;

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound.max(1)) as usize
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// The files below `dir`, in order of their names.
fn contents(dir: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let paths: BTreeSet<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The words of a dictionary of libFuzzer's: `"text"` a line, with `\xNN`.
fn words(target: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder("dictionaries").join(format!("{target}.dict"))).unwrap();
    let word = |line: &str| {
        let mut rest =
            line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).expect("a quoted word").as_bytes();
        let mut bytes = Vec::new();
        while let [first, tail @ ..] = rest {
            rest = tail;
            if let (b'\\', [b'x', digits @ ..]) = (*first, tail) {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits[..2]).unwrap(), 16).unwrap());
                rest = &digits[2..];
            } else {
                bytes.push(*first);
            }
        }
        bytes
    };
    text.lines().map(word).collect()
}

/// A text of words, or a seed with a few pieces cut out, doubled or replaced.
fn input(dice: &mut Dice, seeds: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
    let word = |dice: &mut Dice| words[dice.below(words.len() as u64)].clone();
    if dice.below(3) == 0 {
        return (0..dice.below(MAX_WORDS)).flat_map(|_| word(dice)).collect();
    }
    let mut text = seeds[dice.below(seeds.len() as u64)].clone();
    for _ in 0..=dice.below(6) {
        let start = dice.below(text.len() as u64 + 1);
        let end = (start + dice.below(12)).min(text.len());
        let piece = match dice.below(4) {
            0 => Vec::new(),
            1 => text[start..end].repeat(2),
            2 => vec![dice.below(256) as u8],
            _ => word(dice),
        };
        text.splice(start..end, piece);
    }
    text
}

#[test]
fn every_parser_holds_against_its_own_words() {
    let cases = number("WISP_FUZZ_CASES", CASES);
    let mut dice = Dice(number("WISP_FUZZ_SEED", 1));
    for target in properties::TABLE {
        let seeds = contents(&folder("seeds").join(target.name));
        let words = words(target.name);
        let changed = (0..cases).map(|_| input(&mut dice, &seeds, &words)).collect::<Vec<_>>();
        for text in seeds.iter().chain(&changed) {
            if catch_unwind(AssertUnwindSafe(|| properties::check(target.name, text))).is_err() {
                panic!("{}: {:?}", target.name, String::from_utf8_lossy(text));
            }
        }
    }
}

#[test]
fn every_target_has_its_file_its_seeds_and_its_words() {
    let names = |dir: &str| -> BTreeSet<String> {
        let stems = fs::read_dir(folder(dir)).unwrap().map(|entry| entry.unwrap().path());
        stems.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let table: BTreeSet<String> = properties::TABLE.iter().map(|target| target.name.into()).collect();
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    assert_eq!(table.len(), properties::TABLE.len(), "a name stands twice");
    for dir in ["fuzz_targets", "seeds", "dictionaries"] {
        assert_eq!(names(dir), table, "fuzz/{dir}");
    }
    for name in &table {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml has no target {name}");
        let target = fs::read_to_string(folder("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(target.contains(&format!("check(\"{name}\"")), "{target}");
    }
}
