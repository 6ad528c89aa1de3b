//! Walks every row of the tables: unique, documented, reachable, and told to users.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wisp::config::DEFAULT;
use wisp::datasource;
use wisp::module::{ACCEPTED, PLANNED, Stage, TABLE, find, known};
use wisp::net::parse::{DIALECTS, Dialect, of_kind};
use wisp::net::render::{LIVE, RENDERERS};

/// Files of `src/module` that are no module: the table itself, and what several use.
const NOT_MODULES: &[&str] = &["mod", "tests"];
/// Modules that share a file with another.
const SHARED: &[(&str, &str)] = &[
    ("write_files_deferred", "write_files"),
    ("scripts_vendor", "scripts"),
    ("scripts_per_once", "scripts"),
    ("scripts_per_boot", "scripts"),
    ("scripts_per_instance", "scripts"),
    ("scripts_user", "scripts"),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}

/// `NAME.rs` or `NAME/mod.rs`.
fn source(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(format!("{name}.rs")));
    text.or_else(|_| fs::read_to_string(folder.join(name).join("mod.rs")))
        .unwrap_or_else(|_| panic!("no file for `{name}`"))
}

/// The lines of documentation at the top of a file.
fn documentation(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.starts_with("//!"));
    lines.map(|line| line.trim_start_matches("//!").trim_start()).collect::<Vec<_>>().join("\n")
}

/// The names of the modules in a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
    fs::read_dir(folder).unwrap().map(|entry| stem(entry.unwrap().path())).collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

#[test]
fn each_module_has_one_name() {
    let mut seen = BTreeSet::new();
    let named = TABLE.iter().map(|module| (module.name, module.keys));
    for (name, keys) in named.chain(ACCEPTED.iter().copied()).chain(PLANNED.iter().copied()) {
        assert!(is_name(name), "`{name}`");
        assert!(seen.insert(name), "`{name}` stands twice");
        for key in keys {
            assert!(is_key(key), "`{name}`: the key `{key}`");
        }
    }
    assert!(seen.len() > 50, "only {} modules seen", seen.len());
}

#[test]
fn each_module_is_found_by_either_spelling() {
    for module in TABLE {
        for name in [module.name.to_string(), module.name.replace('_', "-")] {
            assert!(find(&name).is_some_and(|found| std::ptr::eq(found, module)), "`{name}`");
        }
    }
    for (name, _) in ACCEPTED.iter().chain(PLANNED) {
        assert!(find(name).is_none(), "`{name}` is a module and stands among those that are none");
    }
}

#[test]
fn names_without_a_row_are_known_by_either_spelling() {
    for (name, keys) in ACCEPTED.iter().chain(PLANNED) {
        assert_eq!(known(name), Some(*keys), "`{name}`");
        assert_eq!(known(&name.replace('_', "-")), Some(*keys), "`{name}`");
    }
    for name in ["ubuntu_core", "ubuntu-init-switch", "ubuntu_of_next_year"] {
        assert_eq!(known(name), Some(&[][..]), "`{name}`");
    }
    assert_eq!(known("ubuntu_autoinstall"), Some(&["autoinstall"][..]));
    for name in ["", "ubuntu", "my_ubuntu_core", "no_such_module"].into_iter().chain(TABLE.iter().map(|row| row.name)) {
        assert_eq!(known(name), None, "`{name}`");
    }
}

#[test]
fn each_module_is_documented_and_each_file_is_a_module() {
    let folder = folder("module");
    let mut files: BTreeSet<String> =
        files(&folder).into_iter().filter(|name| !NOT_MODULES.contains(&name.as_str())).collect();
    for module in TABLE {
        let file = SHARED.iter().find(|(name, _)| *name == module.name).map_or(module.name, |(_, file)| file);
        let doc = documentation(&source(&folder, file));
        files.remove(file);
        let first = doc.lines().next().unwrap_or_default();
        assert!(first.starts_with("Module") && first.contains(&format!("`{}`", module.name)), "{file}: {first:?}");
        assert!(first.contains(": ") && first.len() > 30, "{file}: the first line does not say what it is: {first:?}");
        assert!(doc.contains("Source: "), "{file}: no source named");
        for key in module.keys {
            assert!(doc.contains(&format!("`{key}`")), "{file}: the key `{key}` is not documented");
        }
    }
    assert!(files.is_empty(), "files without a row: {files:?}");
}

#[test]
fn each_datasource_has_a_documented_file_and_each_public_file_is_one() {
    let folder = folder("datasource");
    let table = fs::read_to_string(folder.join("mod.rs")).unwrap();
    // Private files are pieces that several readers share. `none` is what is left when no row answers.
    let public = table.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut files: BTreeSet<String> = public.filter(|name| *name != "none").map(String::from).collect();
    for row in datasource::TABLE {
        assert!(row.name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "`{}`", row.name);
        let file = snake(row.name);
        assert!(files.remove(&file), "`{}` has no file `{file}`, or stands twice", row.name);
        let doc = documentation(&source(&folder, &file));
        assert!(
            doc.lines().next().is_some_and(|first| first.len() > 30),
            "{file}: the first line does not say what it is"
        );
    }
    assert!(files.is_empty(), "files without a row: {files:?}");
    assert!(!datasource::TABLE.is_empty());
}

/// `ConfigDrive` as `config_drive`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && snake.ends_with(|last: char| last.is_ascii_lowercase()) {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[test]
fn the_default_lists_each_datasource() {
    let line = DEFAULT.lines().find_map(|line| line.strip_prefix("datasource_list:")).expect("a datasource_list");
    let listed: Vec<&str> = line.trim().trim_matches(['[', ']']).split(',').map(str::trim).collect();
    let rows = datasource::TABLE.iter().map(|row| row.name).chain(["None"]);
    assert_eq!(listed, rows.collect::<Vec<_>>());
}

#[test]
fn the_readers_of_this_test_see_what_they_must() {
    assert_eq!(documentation("//! Module `x`: y.\n//!\n//! z\nuse a;\n//! no\n"), "Module `x`: y.\n\nz");
    assert!(is_name("write_files") && !is_name("write-files") && !is_name("a b") && !is_name(""));
    assert!(is_key("manage-resolv-conf") && !is_key("a b") && !is_key("A"));
    assert_eq!(
        (snake("ConfigDrive").as_str(), snake("NoCloud").as_str(), snake("None").as_str(), snake("Ec2").as_str()),
        ("config_drive", "no_cloud", "none", "ec2")
    );
}

/// The README's table of network dialects: a line for each that is read, a column for each that is written. The last line is no dialect's.
#[test]
fn the_readme_has_each_dialect_of_the_network() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let lines: Vec<Vec<&str>> = readme
        .lines()
        .skip_while(|line| !line.starts_with("| input |"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let word = |cell: &str| cell.split('`').nth(1).unwrap_or_default().to_string();
    let columns: Vec<_> = lines[0][2..lines[0].len() - 1].iter().map(|cell| word(cell)).collect();
    let renderers = RENDERERS.iter().map(|renderer| renderer.name).chain([LIVE]);
    assert_eq!(columns, renderers.collect::<Vec<_>>());
    let kinds: Vec<_> = lines[2..].iter().map(|line| word(line[1])).collect();
    let dialects = DIALECTS.iter().map(|dialect| dialect.kind).chain([""]);
    assert_eq!(kinds, dialects.collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "a cell too few or too many: {lines:#?}");
}

/// Kinds are words, those of one kind stand together and are read in one syntax: `--kind` names them all.
#[test]
fn each_dialect_of_the_network_has_its_kind() {
    for (at, dialect) in DIALECTS.iter().enumerate() {
        let first = of_kind(dialect.kind).unwrap();
        let is_first = std::ptr::eq(first, dialect);
        assert!(is_first || DIALECTS[at - 1].kind == dialect.kind, "`{}` stands apart", dialect.kind);
        assert!(dialect.kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.'));
        let syntax = |dialect: &Dialect| dialect.syntax().map(|syntax| syntax as usize);
        assert_eq!((syntax(first), first.by_id), (syntax(dialect), dialect.by_id), "`{}`", dialect.kind);
        assert!(is_first || dialect.syntax().is_some(), "a text is of one dialect, `{}`", dialect.kind);
    }
}

/// The README says which modules there are; a row more is a word more.
#[test]
fn the_readme_names_each_module_in_its_stage() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for stage in [Stage::Init, Stage::Config, Stage::Final] {
        let mark = format!("| modules, {} | ", stage.word());
        let line = readme.lines().find_map(|line| line.strip_prefix(&mark)).expect(&mark);
        let named: Vec<_> = line.trim_end_matches(" |").split(", ").collect();
        let rows: Vec<_> = TABLE.iter().filter(|row| row.stage == stage).map(|row| row.name).collect();
        assert_eq!(named, rows, "{mark}");
    }
}
