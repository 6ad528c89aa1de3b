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
//! stage's output. An exit status other than 0 is an error that names the part; after one in `__begin__`, or if it cannot be started
//! or takes longer than [`MAX_HANDLER_TIME`], it is not called again, and its parts are lost with it.
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
use crate::error::{Error, one_line};
use crate::host::write::write_file;
use crate::host::{Command, Create, Exit, Input, Kind, Level, Output};
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
static PYTHONS: [&str; 5] = [
    "/usr/bin/python3",
    "/usr/local/bin/python3",
    "/usr/libexec/platform-python",
    "/usr/bin/python",
    "/usr/bin/python2",
];

/// What runs a Python handler, in any Python from 2.6 on. Arguments: its file; `list-types` or `handle-parts`, which reads for each
/// part type, name, content, Merge-Type and Launch-Index, each as `LENGTH:BYTES`.
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
    /// With a blank behind each.
    types: String,
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
#[inline(never)]
pub fn find_installed(context: &mut Context<'_>) {
    let dir = context.target.state.join(DIR);
    let mut names = Vec::new();
    let listed = context.host.files().list(&dir, &mut |name| names.push(String::from_utf8_lossy(name).into_owned()));
    if let Err(error) = listed {
        context.outcome.errors.push(error);
    }
    names.sort();
    for name in names {
        let path = format!("{dir}/{name}");
        let Ok(Some(stat)) = context.host.files().stat(&path, true) else { continue };
        let module = name.strip_suffix(".py");
        let is_python = module.is_some_and(|name| !name.is_empty() && !name.contains('.'));
        if stat.kind == Kind::File && (is_python || module.is_none() && stat.mode & 0o111 != 0) {
            register(context, path.clone(), path, is_python);
        }
    }
}

/// Asks a handler what it takes.
fn register(context: &mut Context<'_>, path: String, name: String, is_python: bool) {
    let mut python = None;
    if is_python {
        python = PYTHONS.iter().copied().find(|path| matches!(context.host.files().stat(path, true), Ok(Some(_))));
        if python.is_none() {
            let told = format!("{name}: a part handler in Python, and there is no Python here; it is kept in {path}");
            return context.outcome.warnings.push(told);
        }
    }
    let (types, lost, parts) = (String::new(), false, Vec::new());
    let mut handler = PartHandler { path, name, python, types, wanted: true, lost, parts };
    let mut said = Vec::new();
    handler.call(context, None, &["list-types"], b"", Some(&mut said));
    let said = String::from_utf8_lossy(&said);
    let (mut frequency, mut other) = (FIRST_BOOT, "");
    for line in said.split('\n').map(str::trim) {
        match line.strip_prefix("frequency:") {
            Some(word) => frequency = word.trim(),
            None if is_type(line) => {
                handler.types.push_str(line);
                handler.types.push(' ');
            }
            None if !line.is_empty() => other = line,
            None => {}
        }
    }
    if handler.lost {
        // The last line of what Python says is what went wrong. It may hold anything: for the log alone.
        return context.host.log(Level::Debug, AREA, &format_args!("{}: {}", handler.path, one_line(other)));
    }
    handler.types.make_ascii_lowercase();
    handler.wanted = frequency == EVERY_BOOT || frequency == FIRST_BOOT && !context.again;
    context.log(&format_args!("{}: a handler for {}", handler.name, handler.types));
    if handler.python.is_none() && handler.wanted {
        handler.call(context, None, &["handle-part", "__begin__"], b"", None);
    }
    context.handlers.push(handler);
}

/// `type/subtype`: what Python prints beside it has blanks in its lines, or more than one `/`.
fn is_type(line: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    line.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// Gives a part to the last handler that takes its type; false if there is none.
pub fn give(context: &mut Context<'_>, part: &Part) -> bool {
    let takes = |handler: &PartHandler| handler.types.split(' ').any(|taken| taken == part.content_type);
    let Some(at) = context.handlers.iter().rposition(takes) else { return false };
    if part.content_type == CONTENT_TYPE {
        return false;
    }
    let mut handlers = take(&mut context.handlers);
    handlers[at].part(context, part);
    context.handlers = handlers;
    true
}

/// Behind the last part.
#[inline(never)]
pub fn finish(context: &mut Context<'_>) {
    for mut handler in take(&mut context.handlers) {
        let parts = take(&mut handler.parts);
        let arguments = if handler.python.is_some() { &["handle-parts"][..] } else { &["handle-part", "__end__"] };
        handler.call(context, None, arguments, &parts, None);
    }
}

impl PartHandler {
    fn part(&mut self, context: &mut Context<'_>, part: &Part) {
        context.log(&format_args!("{} ({}): given to {}", context.label(part), part.content_type, self.path));
        if self.python.is_none() {
            return self.call(context, Some(part), &["handle-part", &part.content_type, &part.name], &part.text, None);
        }
        if self.wanted {
            let (name, merge, launch) =
                (part.name.as_bytes(), part.merge_type.as_bytes(), part.launch_index.as_bytes());
            for field in [part.content_type.as_bytes(), name, &part.text, merge, launch] {
                self.parts.extend_from_slice(format!("{}:", field.len()).as_bytes());
                self.parts.extend_from_slice(field);
            }
        }
    }

    /// Calls it, unless it is not wanted or lost already. A failure is recorded; one that is not of a part alone loses it.
    fn call(
        &mut self,
        context: &mut Context<'_>,
        part: Option<&Part>,
        arguments: &[&str],
        input: &[u8],
        said: Option<&mut Vec<u8>>,
    ) {
        if !self.wanted || self.lost {
            return;
        }
        let mut argv = Vec::new();
        if let Some(python) = self.python {
            argv.extend([python, "-c", DRIVER]);
        }
        argv.push(self.path.as_str());
        // A NUL ends an argument, and a part's name may hold one.
        argv.extend(arguments.iter().filter_map(|argument| argument.split('\0').next()));
        let frequency = if context.again { EVERY_BOOT } else { FIRST_BOOT };
        let env = [("INSTANCE_ID", context.target.instance.id.as_str()), ("FREQUENCY", frequency)];
        let output = if said.is_some() { Output::Capture } else { Output::Stage };
        let command = Command { argv: &argv, env: &env, input: Input::Bytes(input), output };
        let limit = Some(MAX_HANDLER_TIME);
        let cause = match context.host.procs().run_within(&command, limit, said.unwrap_or(&mut Vec::new())) {
            Ok(Exit::Code(0)) => return,
            Ok(exit) => {
                self.lost = part.is_none();
                format!("{exit}").into()
            }
            // It could not be started, or its time was up.
            Err(error) => {
                self.lost = true;
                error.into_cause()
            }
        };
        let label = part.map_or_else(|| self.name.clone(), |part| context.label(part));
        let object = if label == self.path { label } else { format!("{} for {label}", self.path) };
        context.outcome.errors.push(Error::new("run", object, cause));
    }
}
