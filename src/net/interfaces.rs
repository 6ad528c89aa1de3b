//! `/etc/network/interfaces` with all that it sources.
//!
//! `source` and `source-directory` are followed where they stand, as ifupdown does: wildcards stand for the paths that are there, a
//! relative path is in the directory of the file that names it, and of a directory only files count whose names
//! [`eni::is_sourced`] takes, in the order of their bytes. Quotes, `~` and variables, which ifupdown leaves to wordexp(3), are not
//! expanded. A file named twice is read twice; one that sources itself, through others too, ends at a bound.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::eni::{self, Interfaces, Keyword, Stanza, Text};
use crate::host::glob::{child, glob, is_pattern};
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
    pub fn error(&self, piece: Text<'_>, expected: &'static str) -> Error {
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
    Reader { files, visitor, count: 0 }.text(path, text, 0)
}

struct Reader<'r> {
    files: &'r mut dyn Files,
    visitor: &'r mut dyn Visitor,
    /// Files sourced so far.
    count: usize,
}

impl Reader<'_> {
    fn text(&mut self, path: &str, text: &[u8], depth: usize) -> Result<(), Error> {
        let text = eni::parse(text).map_err(|error| Error::new("read", path, error))?;
        let file = File { path, text };
        for stanza in text.stanzas() {
            self.visitor.stanza(&file, &stanza)?;
            if matches!(stanza.keyword, Keyword::Source | Keyword::SourceDirectory) {
                for word in stanza.head.value.words() {
                    self.source(&file, word, stanza.keyword == Keyword::SourceDirectory, depth)?;
                }
            }
        }
        Ok(())
    }

    /// Follows one word behind `source`, or `source-directory`.
    fn source(&mut self, file: &File<'_>, word: Text<'_>, is_directory: bool, depth: usize) -> Result<(), Error> {
        let mut pattern = word.joined();
        if !pattern.starts_with('/') {
            pattern = child(parent(file.path), &pattern).into();
        }
        for path in glob(self.files, &pattern, MAX_SOURCED)? {
            let found = if is_directory {
                self.directory(file, word, &path, depth)?
            } else {
                self.file(file, word, &path, depth)?
            };
            // Wildcards also find what is not meant.
            if !found && !is_pattern(&pattern) {
                let (line, column) = file.text.position(word);
                let what = if is_directory { "directory" } else { "file" };
                self.visitor.warning(format!("{}:{line}:{column}: no {what} {path}", file.path));
            }
        }
        Ok(())
    }

    /// Reads the files in a directory whose names count; false if it is none.
    fn directory(&mut self, file: &File<'_>, word: Text<'_>, path: &str, depth: usize) -> Result<bool, Error> {
        if !self.files.stat(path, true)?.is_some_and(|stat| stat.kind == Kind::Dir) {
            return Ok(false);
        }
        let mut names: Vec<String> = Vec::new();
        self.files.list(path, &mut |name| {
            if eni::is_sourced(name) && names.len() <= MAX_SOURCED {
                names.extend(core::str::from_utf8(name).map(String::from));
            }
        })?;
        names.sort_unstable();
        for name in names {
            self.file(file, word, &child(path, &name), depth)?;
        }
        Ok(true)
    }

    /// Reads one file that `word` names; false if it is none.
    fn file(&mut self, file: &File<'_>, word: Text<'_>, path: &str, depth: usize) -> Result<bool, Error> {
        const { assert!(MAX_SOURCED == 1024 && MAX_SOURCE_DEPTH == 16, "the words below say so") };
        if !self.files.stat(path, true)?.is_some_and(|stat| stat.kind != Kind::Dir) {
            return Ok(false);
        }
        self.count += 1;
        if self.count > MAX_SOURCED {
            return Err(file.error(word, "at most 1,024 files sourced"));
        }
        if depth == MAX_SOURCE_DEPTH {
            return Err(file.error(word, "at most 16 files inside each other (one sources itself?)"));
        }
        let text = read_file(self.files, path, MAX_CONFIG_FILE)?;
        text.map_or(Ok(()), |text| self.text(path, &text, depth + 1)).map(|()| true)
    }
}

#[cfg(test)]
mod tests;
