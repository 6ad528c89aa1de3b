//! `/etc/network/interfaces` with all that it sources.
//!
//! `source` and `source-directory` are followed where they stand, as ifupdown does: wildcards stand for the paths that are there, a
//! relative path is in the directory of the file that names it, and of a directory only files count whose names
//! [`eni::is_sourced`] takes, in the order of their bytes. Quotes, `~` and variables, which ifupdown leaves to wordexp(3), are not
//! expanded. A file named twice is read twice; one that sources itself, through others too, is an error.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::eni::{self, Interfaces, Stanza, Text};
use crate::host::glob::{glob, is_pattern};
use crate::host::write::{parent, read_file};
use crate::host::{Files, Kind};
use crate::limits::{MAX_CONFIG_FILE, MAX_SOURCE_DEPTH, MAX_SOURCED};

/// Who wants the stanzas.
pub trait Visitor {
    /// A stanza, in the order of reading; those that source come before what is sourced.
    ///
    /// # Errors
    /// End the reading.
    fn stanza(&mut self, file: &File<'_>, stanza: &Stanza<'_>) -> Result<(), Error>;

    /// What was left out: a file that is not there.
    fn warning(&mut self, text: String);
}

/// The file that a stanza stands in.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its path, or what messages call it.
    pub path: &'a str,
    /// Its text.
    pub text: Interfaces<'a>,
}

impl File<'_> {
    /// "cannot read PATH: line L, column C: expected …", at this piece of the file.
    pub fn error(&self, piece: Text<'_>, expected: impl Into<alloc::borrow::Cow<'static, str>>) -> Error {
        Error::new("read", self.path, self.text.error(piece, expected))
    }
}

/// Reads the file at `path` (absolute); false if it is not there.
///
/// # Errors
/// The kernel's; a text that is no interfaces file, at its place; over [`MAX_SOURCE_DEPTH`], [`MAX_SOURCED`] or
/// [`MAX_CONFIG_FILE`], at the `source`; the visitor's.
pub fn read(files: &mut dyn Files, path: &str, visitor: &mut dyn Visitor) -> Result<bool, Error> {
    let Some(text) = read_file(files, path, MAX_CONFIG_FILE)? else { return Ok(false) };
    read_text(files, path, &text, visitor).map(|()| true)
}

/// Reads a text that was in the file at `path`; its relative sources are looked for beside that.
///
/// # Errors
/// As [`read`].
pub fn read_text(files: &mut dyn Files, path: &str, text: &[u8], visitor: &mut dyn Visitor) -> Result<(), Error> {
    let mut reader = Reader { files, visitor, open: Vec::new(), count: 0 };
    reader.open.extend(reader.files.stat(path, true)?.map(|stat| stat.id));
    reader.text(path, text, 0)
}

struct Reader<'r> {
    files: &'r mut dyn Files,
    visitor: &'r mut dyn Visitor,
    /// The files being read, each sourced by the one before it.
    open: Vec<(u64, u64)>,
    /// Files sourced so far.
    count: usize,
}

impl Reader<'_> {
    fn text(&mut self, path: &str, text: &[u8], depth: usize) -> Result<(), Error> {
        let text = eni::parse(text).map_err(|error| Error::new("read", path, error))?;
        let file = File { path, text };
        for stanza in text.stanzas() {
            self.visitor.stanza(&file, &stanza)?;
            let (paths, is_directory) = match stanza {
                Stanza::Source(paths) => (paths, false),
                Stanza::SourceDirectory(paths) => (paths, true),
                _ => continue,
            };
            for word in paths.words() {
                self.source(&file, word, is_directory, depth)?;
            }
        }
        Ok(())
    }

    /// Follows one word behind `source`, or `source-directory`.
    fn source(&mut self, file: &File<'_>, word: Text<'_>, is_directory: bool, depth: usize) -> Result<(), Error> {
        let mut pattern = word.joined();
        if !pattern.starts_with('/') {
            pattern = format!("{}/{pattern}", parent(file.path)).into();
        }
        let paths = glob(self.files, &pattern, MAX_SOURCED).map_err(|error| at(file, word, error))?;
        for path in paths {
            let is_dir = self.files.stat(&path, true)?.map(|stat| stat.kind == Kind::Dir);
            match (is_dir, is_directory) {
                (Some(true), true) => {
                    for name in self.names(&path)? {
                        self.file(file, word, &format!("{path}/{name}"), depth)?;
                    }
                }
                (Some(false), false) => self.file(file, word, &path, depth)?,
                // Wildcards also find what is not meant.
                _ if is_pattern(&pattern) => {}
                (None, _) => self.warn(file, word, &path, "not there"),
                (_, true) => self.warn(file, word, &path, "no directory"),
                (_, false) => self.warn(file, word, &path, "a directory"),
            }
        }
        Ok(())
    }

    fn warn(&mut self, file: &File<'_>, word: Text<'_>, path: &str, what: &str) {
        let (line, column) = file.text.position(word);
        self.visitor.warning(format!("{}:{line}:{column}: {path} is {what}", file.path));
    }

    /// The names in a directory that count, in order.
    fn names(&mut self, directory: &str) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        self.files.list(directory, &mut |name| {
            if eni::is_sourced(name) && names.len() <= MAX_SOURCED {
                names.extend(core::str::from_utf8(name).map(String::from));
            }
        })?;
        names.sort_unstable();
        Ok(names)
    }

    /// Reads one file that `word` names.
    fn file(&mut self, file: &File<'_>, word: Text<'_>, path: &str, depth: usize) -> Result<(), Error> {
        const { assert!(MAX_SOURCED == 1024 && MAX_SOURCE_DEPTH == 16, "the words below say so") };
        let Some(stat) = self.files.stat(path, true)?.filter(|stat| stat.kind != Kind::Dir) else { return Ok(()) };
        self.count += 1;
        if self.count > MAX_SOURCED {
            return Err(file.error(word, "at most 1,024 files sourced"));
        }
        if self.open.contains(&stat.id) {
            return Err(file.error(word, format!("no file that sources itself, as {path} does")));
        }
        if depth == MAX_SOURCE_DEPTH {
            return Err(file.error(word, "at most 16 files that source each other"));
        }
        let Some(text) = read_file(self.files, path, MAX_CONFIG_FILE).map_err(|error| at(file, word, error))? else {
            return Ok(());
        };
        self.open.push(stat.id);
        let done = self.text(path, &text, depth + 1);
        self.open.pop();
        done
    }
}

/// The error with the place that led to it.
fn at(file: &File<'_>, word: Text<'_>, error: Error) -> Error {
    let (line, column) = file.text.position(word);
    let object = format!("{}, named at {}:{line}:{column}", error.object, file.path);
    error.on(object)
}

#[cfg(test)]
mod tests;
