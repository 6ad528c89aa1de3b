//! Holds the arrows of the architecture: who may use whom (`src/lib.rs`, the table of ranks).

use std::fs;
use std::path::{Path, PathBuf};

const RANKS: &[(&str, u8)] = &[
    ("limits", 0),
    ("paths", 0),
    ("error", 0),
    ("gather", 0),
    ("format", 1),
    ("host", 1),
    ("config", 2),
    ("net", 2),
    ("transport", 2),
    ("instance", 3),
    ("datasource", 4),
    ("userdata", 4),
    ("module", 5),
    ("devel", 5),
    ("stage", 6),
];

fn rank(module: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == module).map(|(_, rank)| *rank)
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

/// The first components behind `marker` in `line`: `crate::a::b` gives `a`, `crate::{a::b, c}` gives `a` and `c`.
fn named(line: &str, marker: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices(marker) {
        let rest = &line[at + marker.len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            names.push(word(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Code without comments, with `use` groups over several lines joined.
fn code(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap().to_string();
        if open {
            lines.last_mut().unwrap().push_str(&line);
        } else {
            lines.push(line.clone());
        }
        let last = lines.last().unwrap();
        open = last.trim_start().trim_start_matches("pub ").starts_with("use ") && !last.contains(';');
    }
    lines
}

#[test]
fn arrows_point_to_lower_ranks_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap();
        let owner = path.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_string();
        if matches!(owner.as_str(), "lib" | "main" | "cli" | "sys") {
            continue;
        }
        let own = rank(&owner).unwrap_or_else(|| panic!("{}: no rank for `{owner}`", path.display()));
        for (number, line) in code(&fs::read_to_string(&file).unwrap()).iter().enumerate() {
            for used in named(line, "crate::") {
                seen += 1;
                // The constants of `limits` are for everybody, its neighbours of rank 0 among them.
                let allowed = used == owner || used == "limits" || rank(&used).is_some_and(|theirs| theirs < own);
                if !allowed {
                    wrong.push(format!("{}: about line {}: `{owner}` uses `{used}`", path.display(), number + 1));
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} uses of `crate::` seen: this test no longer reads the sources");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_this_test_sees_what_it_must() {
    assert_eq!(named("use crate::error::{Error, ParseError};", "crate::"), ["error"]);
    assert_eq!(named("use crate::{error::{A, B}, format::yaml, stage};", "crate::"), ["error", "format", "stage"]);
    assert_eq!(named("let x = crate::stage::run();", "crate::"), ["stage"]);
    assert_eq!(code("use crate::{\n    a,\n    b, // c\n};"), ["use crate::{    a,    b, };"]);
}

#[test]
fn unsafe_stands_in_sys_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    for file in files {
        let path = file.strip_prefix(&src).unwrap();
        if path.starts_with("sys") {
            continue;
        }
        for (number, line) in code(&fs::read_to_string(&file).unwrap()).iter().enumerate() {
            let uses = line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            assert!(!uses, "{}:{}: `unsafe` outside sys", path.display(), number + 1);
        }
    }
}
