//! What each type of part becomes: one file a handler, one row a type.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;

use super::Outcome;
use super::part::Part;
#[cfg(feature = "templates")]
use super::part::TEMPLATE;
use crate::config::Config;
use crate::error::Error;
use crate::host::write::write_file;
use crate::host::{Create, Host, Level};
use crate::instance::{DataKind, Instance};
use crate::paths::State;

pub mod boothook;
pub mod cloud_config;
#[cfg(feature = "templates")]
pub mod jinja;
pub mod part_handler;
mod script;
pub mod upstart;

#[cfg(feature = "templates")]
type Variables = Option<(crate::format::jinja::Variables, usize)>;
#[cfg(not(feature = "templates"))]
type Variables = ();

/// One row of the table.
pub struct Handler {
    /// The type of the parts that it takes.
    pub content_type: &'static str,
    /// The file that it makes of a part; `None`: it makes none.
    pub file: fn(&Target<'_>, &Part) -> Option<String>,
    /// Its work. It may take the part's text.
    pub handle: fn(&mut Context<'_>, &mut Part),
}

/// Every handler. A part is given to the one of its type, parts in their order.
pub static TABLE: &[Handler] = &[
    row(cloud_config::CONTENT_TYPE, no_file, cloud_config::handle),
    row(cloud_config::PATCH_TYPE, no_file, cloud_config::handle),
    row("text/x-shellscript", script::file, script::handle),
    row("text/x-shellscript-per-boot", script::file, script::handle),
    row("text/x-shellscript-per-instance", script::file, script::handle),
    row("text/x-shellscript-per-once", script::file, script::handle),
    row(boothook::CONTENT_TYPE, boothook::file, boothook::handle),
    row(part_handler::CONTENT_TYPE, no_file, part_handler::handle),
    row(upstart::CONTENT_TYPE, upstart::file, upstart::handle),
    #[cfg(feature = "templates")]
    row(TEMPLATE, jinja::file, jinja::handle),
];

const fn row(
    content_type: &'static str,
    file: fn(&Target<'_>, &Part) -> Option<String>,
    handle: fn(&mut Context<'_>, &mut Part),
) -> Handler {
    Handler { content_type, file, handle }
}

fn no_file(_: &Target<'_>, _: &Part) -> Option<String> {
    None
}

/// The handler of a type.
pub fn find(content_type: &str) -> Option<&'static Handler> {
    TABLE.iter().find(|handler| handler.content_type == content_type)
}

/// Whose data it is, and so where things go.
pub struct Target<'a> {
    /// The state directory.
    pub state: &'a State,
    /// The instance.
    pub instance: &'a Instance,
    /// The configuration of the layers below.
    pub config: &'a Config,
    /// Which of the instance's data.
    pub kind: DataKind,
    /// Upstart's directory of jobs, if there is one.
    pub upstart: Option<String>,
}

impl Target<'_> {
    /// A path below the instance's directory.
    pub fn path(&self, name: &str) -> String {
        self.state.instance_file(&self.instance.id, name)
    }
}

/// What a handler works with.
pub struct Context<'a> {
    /// The machine.
    pub host: &'a mut dyn Host,
    /// Where things go.
    pub target: Target<'a>,
    /// The cloud-config parts so far.
    pub merged: cloud_config::Merged,
    /// The part handlers so far; those of the image first.
    pub handlers: Vec<part_handler::PartHandler>,
    /// True at a later boot of the same instance: only what is meant for every boot is done.
    pub again: bool,
    /// What templates can name, and the work that is left for them, once there was one.
    pub variables: Variables,
    /// What went wrong so far.
    pub outcome: Outcome,
}

impl Context<'_> {
    /// What messages call the part.
    pub fn label(&self, part: &Part) -> String {
        part.label(self.target.kind)
    }

    /// The part was left out; it stays in the processed file.
    pub fn keep(&mut self, part: &Part, why: &dyn Display) {
        let kept = self.target.kind.processed_file();
        self.outcome.warnings.push(format!("{}: {why}; it is kept in {kept}", self.label(part)));
    }

    /// The part could not be read.
    pub fn broken(&mut self, error: Error) {
        self.outcome.recoverable.push(error);
    }

    /// Writes the part's file; a failure is recorded. True if it is there.
    pub fn write(&mut self, part: &Part, path: &str, mode: u32) -> bool {
        let written = write_file(self.host.files(), path, &Create::mode(mode), &part.text);
        self.log(&format_args!("{} ({}): wrote {path}", self.label(part), part.content_type));
        self.done(part, written)
    }

    /// Records a failure, with the part's name. True if there is none.
    pub fn done(&mut self, part: &Part, result: Result<(), Error>) -> bool {
        let Err(error) = result else { return true };
        let object = format!("{} for {}", error.object, self.label(part));
        self.outcome.errors.push(error.on(object));
        false
    }

    /// A step done.
    pub fn log(&mut self, line: &dyn Display) {
        self.host.log(Level::Debug, super::AREA, line);
    }
}

/// Takes the carriage returns off the line ends, if the first line has one, as cloud-init does with scripts: the
/// kernel would look for an interpreter with a carriage return in its name.
pub fn unix_lines(text: &mut Vec<u8>) {
    let first = text.iter().position(|byte| *byte == b'\n');
    if !first.is_some_and(|at| at > 0 && text[at - 1] == b'\r') {
        return;
    }
    let mut kept = 0;
    for at in 0..text.len() {
        if text[at] == b'\r' && text.get(at + 1) == Some(&b'\n') {
            continue;
        }
        text[kept] = text[at];
        kept += 1;
    }
    text.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriage_returns_go_only_with_the_first() {
        for (text, wanted) in [
            ("#!/bin/sh\r\necho a\r\n", "#!/bin/sh\necho a\n"),
            ("#!/bin/sh\r\na\rb\r\r\nc\nd\r", "#!/bin/sh\na\rb\r\nc\nd\r"),
            ("#!/bin/sh\necho a\r\n", "#!/bin/sh\necho a\r\n"),
            ("\n\r\n", "\n\r\n"),
            ("a\r", "a\r"),
            ("", ""),
        ] {
            let mut text = text.as_bytes().to_vec();
            unix_lines(&mut text);
            assert_eq!(text, wanted.as_bytes(), "{wanted:?}");
        }
    }

    #[test]
    fn types_are_unique() {
        for (at, handler) in TABLE.iter().enumerate() {
            assert!(TABLE[..at].iter().all(|above| above.content_type != handler.content_type));
        }
    }
}
