//! `text/part-handler`: a program that takes over types of parts, for the parts behind it.
//!
//! Such a part is kept in `instances/<id>/handlers/`; so that no part need bring one, `handlers/` of the state directory is looked at
//! first. A handler takes its types from the built-in ones and from the handlers before it.
//!
//! **A program** begins, behind the line `#part-handler`, with `#!` or as an ELF file does (mode 0700; in `handlers/`: any file that
//! may be executed and is not called `*.py`). It is run, each time anew, as
//!
//! | arguments | when | |
//! | --- | --- | --- |
//! | `list-types` | it is found, at each boot | prints a line for each type that it takes, and `frequency: always` if it wants to be asked at every boot of the instance; else, or with `frequency: once-per-instance`, at its first. Other lines are passed over |
//! | `handle-part __begin__` | before the first part | |
//! | `handle-part TYPE NAME` | for each part of its types, in their order | its decoded content on standard input |
//! | `handle-part __end__` | behind the last part | |
//!
//! with `INSTANCE_ID` and `FREQUENCY` (`once-per-instance`, or `always` at later boots) in its environment. What it prints goes to the
//! stage's output. An exit status other than 0 is an error that names the part; after one in `__begin__`, or if a call takes longer
//! than [`MAX_HANDLER_TIME`], it is not asked again, and its parts are lost with it.
//!
//! **A Python module**, as cloud-init has them, is every other one (`part-handler-NNN.py`, 0600; in `handlers/`: `*.py`), and one that
//! defines `list_types` at the start of a line whatever stands above it: `list_types()`, `handle_part(data, ctype, filename,
//! payload[, frequency[, headers]])` by `handler_version`, `frequency`. It is run by the image's Python (2.6 or later), with all its
//! parts in one process, which is started where cloud-init calls `__end__`: behind the built-in handlers. `data` is `None`, and
//! `headers` has Content-Type, Merge-Type and Launch-Index. Where there is no Python, a warning says where it is kept.
//!
//! Source: cloud-init's page "User-data formats", Part-handler; `cloudinit/handlers/__init__.py` of 22.4.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::take;

use super::Context;
use crate::error::Error;
use crate::host::write::write_file;
use crate::host::{Command, Create, Exit, Input, Kind, LATE, Level, Output};
use crate::limits::MAX_HANDLER_TIME;
use crate::userdata::AREA;
use crate::userdata::part::Part;

/// The type of a handler.
pub const CONTENT_TYPE: &str = "text/part-handler";

/// What its text begins with, above the program.
const PREFIX: &[u8] = b"#part-handler";

/// Below the instance's directory and the state directory.
pub const DIR: &str = "handlers";

/// Where distributions have Python.
const PYTHONS: [&str; 5] = [
    "/usr/bin/python3",
    "/usr/local/bin/python3",
    "/usr/libexec/platform-python",
    "/usr/bin/python",
    "/usr/bin/python2",
];

/// What runs a Python handler.
const DRIVER: &str = include_str!("part_handler.py");

const FIRST_BOOT: &str = "once-per-instance";
const EVERY_BOOT: &str = "always";

/// A handler that was found.
pub struct PartHandler {
    path: String,
    /// What messages call it.
    name: String,
    /// What runs it, if it is no program itself.
    python: Option<&'static str>,
    types: Vec<String>,
    /// Whether it is to be asked in this boot.
    wanted: bool,
    /// It failed as a whole.
    lost: bool,
    /// Parts that the Python process is to have, as [`DRIVER`] reads them.
    parts: Vec<u8>,
}

/// Keeps a handler, and finds out what it takes.
pub fn handle(context: &mut Context<'_>, part: &mut Part) {
    let text = part.text.trim_ascii_start();
    let program = text.strip_prefix(PREFIX).unwrap_or(text).trim_ascii_start();
    let is_python = is_python(program);
    let number = context.handlers.iter().filter(|handler| handler.path.contains("/part-handler-")).count();
    let path = context.target.path(&format!("{DIR}/part-handler-{number:03}{}", if is_python { ".py" } else { "" }));
    let (mode, content) = if is_python { (0o600, &part.text[..]) } else { (0o700, program) };
    let written = write_file(context.host.files(), &path, &Create::mode(mode), content);
    if context.done(part, written) {
        let name = context.label(part);
        context.log(&format_args!("{name} ({CONTENT_TYPE}): wrote {path}"));
        register(context, path, name, is_python);
    }
}

/// A program says so itself, and a module for cloud-init must define this.
fn is_python(text: &[u8]) -> bool {
    const DEFINES: &[u8] = b"def list_types";
    let is_program = text.starts_with(b"#!") || text.starts_with(b"\x7fELF");
    !is_program || text.split(|byte| *byte == b'\n').any(|line| line.starts_with(DEFINES))
}

/// Finds the handlers that the image has.
pub fn find_installed(context: &mut Context<'_>) {
    for (path, is_python) in installed(context) {
        register(context, path.clone(), path, is_python);
    }
}

fn installed(context: &mut Context<'_>) -> Vec<(String, bool)> {
    let dir = context.target.state.join(DIR);
    let mut names = Vec::new();
    let files = context.host.files();
    let listed = files.list(&dir, &mut |name| names.push(String::from_utf8_lossy(name).into_owned()));
    names.sort_unstable();
    let mut found = Vec::new();
    for name in names {
        let path = format!("{dir}/{name}");
        let Ok(Some(stat)) = files.stat(&path, true) else { continue };
        let module = name.strip_suffix(".py");
        let is_python = module.is_some_and(|name| !name.is_empty() && !name.contains('.'));
        if stat.kind == Kind::File && (is_python || module.is_none() && stat.mode & 0o111 != 0) {
            found.push((path, is_python));
        }
    }
    if let Err(error) = listed {
        context.outcome.errors.push(error);
    }
    found
}

/// Asks a handler what it takes.
fn register(context: &mut Context<'_>, path: String, name: String, is_python: bool) {
    let python =
        PYTHONS.into_iter().find(|path| context.host.files().stat(path, true).is_ok_and(|stat| stat.is_some()));
    if is_python && python.is_none() {
        let told =
            format!("{name}: a part handler in Python, and there is no Python here to run it; it is kept in {path}");
        return context.outcome.warnings.push(told);
    }
    let python = python.filter(|_| is_python);
    let (types, wanted, lost, parts) = (Vec::new(), true, false, Vec::new());
    let mut handler = PartHandler { path, name, python, types, wanted, lost, parts };
    let mut said = Vec::new();
    let asked = handler.call(context, &["list-types"], b"", Some(&mut said));
    let said = String::from_utf8_lossy(&said);
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    if let Err(error) = asked {
        // The last line of what Python says is what went wrong. It may hold anything: for the log alone.
        if let Some(line) = lines.next_back() {
            context.host.log(Level::Debug, AREA, &format_args!("{}: {}", handler.path, line.escape_debug()));
        }
        return context.outcome.errors.push(handler.named(error));
    }
    let mut frequency = FIRST_BOOT;
    for line in lines {
        match line.strip_prefix("frequency:") {
            Some(word) => frequency = word.trim(),
            None if is_type(line) => handler.types.push(line.to_ascii_lowercase()),
            None => context.host.log(Level::Debug, AREA, &format_args!("{}: a line that is no type", handler.path)),
        }
    }
    handler.wanted = frequency == EVERY_BOOT || frequency == FIRST_BOOT && !context.again;
    context.log(&format_args!("{}: a handler for {}", handler.name, handler.types.join(", ")));
    if handler.python.is_none() && handler.wanted {
        let began = handler.call(context, &["handle-part", "__begin__"], b"", None);
        handler.record(context, began.map_err(|error| handler.named(error)), true);
    }
    context.handlers.push(handler);
}

/// `type/subtype`, in the characters of RFC 6838 section 4.2.
fn is_type(line: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    line.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// Gives a part to the last handler that takes its type; false if there is none.
pub fn give(context: &mut Context<'_>, part: &Part) -> bool {
    let takes = |handler: &PartHandler| handler.types.contains(&part.content_type);
    let Some(at) = context.handlers.iter().rposition(takes).filter(|_| part.content_type != CONTENT_TYPE) else {
        return false;
    };
    let mut handler = context.handlers.swap_remove(at);
    handler.part(context, part);
    context.handlers.push(handler);
    let last = context.handlers.len() - 1;
    context.handlers.swap(at, last);
    true
}

/// Behind the last part.
pub fn finish(context: &mut Context<'_>) {
    for mut handler in take(&mut context.handlers) {
        if !handler.wanted || handler.lost {
            continue;
        }
        let ended = match handler.python {
            None => handler.call(context, &["handle-part", "__end__"], b"", None),
            Some(_) => {
                let parts = take(&mut handler.parts);
                handler.call(context, &["handle-parts"], &parts, None)
            }
        };
        handler.record(context, ended.map_err(|error| handler.named(error)), true);
    }
}

impl PartHandler {
    fn part(&mut self, context: &mut Context<'_>, part: &Part) {
        let label = context.label(part);
        if !self.wanted {
            return;
        }
        if self.lost {
            return context.log(&format_args!("{label}: its handler, {}, has failed", self.name));
        }
        context.log(&format_args!("{label} ({}): given to {}", part.content_type, self.path));
        if self.python.is_some() {
            let fields = [&part.content_type, &part.name, "", &part.merge_type, &part.launch_index];
            for (at, field) in fields.into_iter().enumerate() {
                let bytes = if at == 2 { &part.text[..] } else { field.as_bytes() };
                self.parts.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
                self.parts.extend_from_slice(bytes);
            }
            return;
        }
        let called = self.call(context, &["handle-part", &part.content_type, &part.name], &part.text, None);
        let called = called.map_err(|error| {
            let object = format!("{} for {label}", error.object);
            error.on(object)
        });
        self.record(context, called, false);
    }

    /// A failure; `all`: with it the handler itself.
    fn record(&mut self, context: &mut Context<'_>, result: Result<(), Error>, all: bool) {
        if let Err(error) = result {
            self.lost |= all || error.cause == LATE.into();
            context.outcome.errors.push(error);
        }
    }

    fn named(&self, error: Error) -> Error {
        if self.name == self.path {
            return error;
        }
        let object = format!("{} for {}", self.path, self.name);
        error.on(object)
    }

    fn call(
        &self,
        context: &mut Context<'_>,
        arguments: &[&str],
        input: &[u8],
        said: Option<&mut Vec<u8>>,
    ) -> Result<(), Error> {
        let mut argv = Vec::new();
        if let Some(python) = self.python {
            argv.extend([python, "-c", DRIVER]);
        }
        argv.push(self.path.as_str());
        // A NUL ends an argument, and a part's name may hold anything.
        let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace('\0', "")).collect();
        argv.extend(arguments.iter().map(String::as_str));
        let frequency = if context.again { EVERY_BOOT } else { FIRST_BOOT };
        let env = [("INSTANCE_ID", context.target.instance.id.as_str()), ("FREQUENCY", frequency)];
        let output = if said.is_some() { Output::Capture } else { Output::Stage };
        let command = Command { argv: &argv, env: &env, input: Input::Bytes(input), output };
        let limit = Some(MAX_HANDLER_TIME);
        match context.host.procs().run_within(&command, limit, said.unwrap_or(&mut Vec::new())) {
            Ok(Exit::Code(0)) => Ok(()),
            Ok(exit) => Err(Error::new("run", self.path.as_str(), format!("{exit}"))),
            Err(error) => Err(error.on(self.path.as_str())),
        }
    }
}
