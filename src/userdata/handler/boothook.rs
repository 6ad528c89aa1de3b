//! `text/cloud-boothook`: a program run at once, and at every later boot, with `INSTANCE_ID` in its environment.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Context, Target, unix_lines};
use crate::error::Error;
use crate::host::{Command, Exit, Host, Input, Output};
use crate::userdata::part::Part;

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

/// Runs the one that an earlier boot left of this part.
pub fn run_again(context: &mut Context<'_>, part: &Part) {
    let Some(path) = file(&context.target, part) else { return };
    let result = match context.host.files().stat(&path, true) {
        Ok(None) => return,
        Ok(Some(_)) => run(context.host, &path, &context.target.instance.id),
        Err(error) => Err(error),
    };
    context.done(part, result);
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
