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

/// Every path of two names and more in `line`, groups taken apart: `use a::{b::c, d};` is `a::b::c` and `a::d`.
fn paths(line: &str) -> Vec<Vec<String>> {
    fn path(mut rest: &str, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
        let all = rest.len();
        let mut names = before.to_vec();
        loop {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            if end == 0 && !rest.starts_with('*') {
                break;
            }
            let end = end.max(1);
            names.push(rest[..end].to_string());
            let Some(behind) = rest[end..].strip_prefix("::") else {
                rest = &rest[end..];
                break;
            };
            rest = behind;
            if let Some(group) = rest.strip_prefix('{') {
                rest = group;
                while let Some(c) = rest.chars().next().filter(|c| *c != '}') {
                    let taken = path(rest, &names, found);
                    rest = &rest[if taken == 0 { c.len_utf8() } else { taken }..];
                }
                return all - rest.strip_prefix('}').unwrap_or(rest).len();
            }
        }
        if names.len() > before.len() && names.len() > 1 {
            found.push(names);
        }
        all - rest.len()
    }
    let (mut found, mut rest) = (Vec::new(), line);
    while let Some(c) = rest.chars().next() {
        let taken = path(rest, &[], &mut found);
        rest = &rest[if taken == 0 { c.len_utf8() } else { taken }..];
    }
    found
}

/// The module of the crate that `path` names in a file whose own module is `depth` below the root, and in `inner` modules of that
/// file: behind `crate`, or behind as many `super` as lead to the root. The root itself, taken whole, is `*`.
fn top(path: &[String], depth: usize, inner: usize) -> Option<&str> {
    let path = if path[0] == "self" { &path[1..] } else { path };
    let supers = path.iter().take_while(|name| *name == "super").count();
    let climbed = if path.first().is_some_and(|name| name == "crate") { 1 } else { supers };
    let at_root = climbed != supers || supers == depth + inner;
    (at_root && climbed > 0).then(|| path.get(climbed).map_or("*", String::as_str))
}

/// How many modules below the root the module of a file of `src` is: `stage/net.rs` is two, `stage/mod.rs` one.
fn depth(path: &Path) -> usize {
    path.components().count() - usize::from(path.ends_with("mod.rs"))
}

/// The lines of a file, each with the number of modules of the file that it stands in. (Formatted code: a module ends at its own
/// indentation.)
fn nested(lines: &[String]) -> Vec<(usize, &str)> {
    let mut open: Vec<usize> = Vec::new();
    let mut all = Vec::new();
    for line in lines {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if code.starts_with('}') && open.last() == Some(&indent) {
            open.pop();
        }
        all.push((open.len(), line.as_str()));
        let begins =
            code.trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
        if begins.starts_with("mod ") && code.trim_end().ends_with('{') {
            open.push(indent);
        }
    }
    all
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
        let depth = depth(path);
        for (number, (inner, line)) in nested(&code(&fs::read_to_string(&file).unwrap())).into_iter().enumerate() {
            let paths = paths(line);
            for used in paths.iter().filter_map(|path| top(path, depth, inner)) {
                seen += 1;
                // The constants of `limits` are for everybody, its neighbours of rank 0 among them.
                let allowed = used == owner || used == "limits" || rank(used).is_some_and(|theirs| theirs < own);
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
    let tops = |line: &str, depth, inner| {
        let paths = paths(line);
        paths.iter().filter_map(|path| top(path, depth, inner)).map(String::from).collect::<Vec<_>>()
    };
    for (line, depth, inner, wanted) in [
        ("use crate::error::{Error, ParseError};", 2, 0, &["error", "error"][..]),
        ("use crate::{error::{A, B}, format::yaml, stage};", 2, 0, &["error", "error", "format", "stage"]),
        ("let x = crate::stage::run();", 2, 0, &["stage"]),
        (
            "fn f(x: &[crate::host::Host]) -> Result<crate::error::Error, super::super::stage::X>",
            2,
            0,
            &["host", "error", "stage"],
        ),
        // What `super` leads to hangs on where the file is.
        ("use super::super::stage::Options;", 2, 0, &["stage"]),
        ("use super::super::stage::Options;", 3, 0, &[]),
        ("use super::super::super::stage::Options;", 2, 1, &["stage"]),
        ("use super::super::Options;", 2, 1, &[]),
        ("use super::{Here, super::{stage::work, limits::MAX}};", 2, 0, &["stage", "limits"]),
        ("    self::super::stage::run(x)", 1, 0, &["stage"]),
        ("use super::super::*;", 2, 0, &["*"]),
        ("use super::super as up;", 2, 0, &["*"]),
        ("use super::*;", 1, 1, &[]),
        ("use super::stage;", 1, 0, &["stage"]),
        ("use alloc::string::String; let x = a::b;", 1, 0, &[]),
    ] {
        assert_eq!(tops(line, depth, inner), wanted, "{line} {depth} {inner}");
    }
    assert_eq!(code("use crate::{\n    a,\n    b, // c\n};"), ["use crate::{    a,    b, };"]);
    for (path, wanted) in
        [("error.rs", 1), ("stage/mod.rs", 1), ("stage/net.rs", 2), ("net/parse/mod.rs", 2), ("a/b/c.rs", 3)]
    {
        assert_eq!(depth(Path::new(path)), wanted, "{path}");
    }
    let file =
        code("fn a() {\n}\nmod tests {\n    fn b() {\n    }\n    pub(super) mod deep {\n        x\n    }\n    y\n}\nz");
    let depths: String = nested(&file).iter().map(|(inner, _)| inner.to_string()).collect();
    assert_eq!(depths, "00011121100");
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
