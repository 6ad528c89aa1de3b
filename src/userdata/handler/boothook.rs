//! `text/cloud-boothook`: a program run at once, and at every later boot, with `INSTANCE_ID` in its environment.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Context, Target, unix_lines};
use crate::error::Error;
use crate::host::{Command, Exit, Host, Input, Output};
use crate::userdata::part::Part;
use crate::userdata::processed;

/// The type of a boothook.
pub const CONTENT_TYPE: &str = "text/cloud-boothook";

/// What the text begins with, above the program itself.
const PREFIX: &[u8] = b"#cloud-boothook";

/// The directory, below the instance's.
pub const DIR: &str = "boothooks";

/// Where it is kept.
pub fn file(target: &Target<'_>, part: &Part) -> Option<String> {
    Some(target.path(&format!("{DIR}/{}", part.clean_name())))
}

/// Writes the program and runs it.
pub fn handle(context: &mut Context<'_>, part: &mut Part) {
    unix_lines(&mut part.text);
    let program = part.text.strip_prefix(PREFIX).unwrap_or(&part.text).trim_ascii_start();
    let skipped = part.text.len() - program.len();
    part.text.drain(..skipped);
    let Some(path) = file(&context.target, part) else { return };
    if context.write(part, &path, 0o700) {
        let result = run(context.host, &path, &context.target.instance.id);
        context.done(part, result);
    }
}

/// Runs those that an earlier boot left, in the order of their parts; the failures.
///
/// # Errors
/// They cannot be found.
pub fn run_again(host: &mut dyn Host, target: &Target<'_>) -> Result<Vec<Error>, Error> {
    if host.files().stat(&target.path(DIR), true)?.is_none() {
        return Ok(Vec::new());
    }
    let parts = processed::list(host.files(), &target.path(target.kind.processed_file()))?;
    let mut failed = Vec::new();
    for part in parts.iter().filter(|part| part.content_type == CONTENT_TYPE) {
        let Some(path) = file(target, part) else { continue };
        if host.files().stat(&path, true)?.is_some()
            && let Err(error) = run(host, &path, &target.instance.id)
        {
            let object = format!("{} for {}", error.object, part.label(target.kind));
            failed.push(error.on(object));
        }
    }
    Ok(failed)
}

/// Runs one.
///
/// # Errors
/// It cannot be started, or does not exit with 0.
pub fn run(host: &mut dyn Host, path: &str, instance_id: &str) -> Result<(), Error> {
    let command =
        Command { argv: &[path], env: &[("INSTANCE_ID", instance_id)], input: Input::Stage, output: Output::Stage };
    match host.procs().run(&command, &mut Vec::new())? {
        Exit::Code(0) => Ok(()),
        exit => Err(Error::new("run", path, format!("{exit}"))),
    }
}
