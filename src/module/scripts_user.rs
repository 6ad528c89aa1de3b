//! Module `scripts_user`: runs the scripts of the user-data, and that of `runcmd`, in the order of their names.
//!
//! It reads no keys. Every executable file in the instance's directory `scripts` is run, also after one that failed; each failure
//! (an exit status other than 0, a signal, a file that cannot be started) is an error that names the script. Directories (`vendor`)
//! and files without an execute bit are left alone.
//!
//! Source: cloud-init's page "Module reference", Scripts User.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Context;
use crate::error::Error;
use crate::host::{Command, Exit, Input, Kind, Output};

/// Runs them all.
pub fn run(context: &mut Context<'_>) {
    let dir = context.instance_path("scripts");
    let mut names = Vec::new();
    let listed = context.host.files().list(&dir, &mut |name| names.push(String::from_utf8_lossy(name).into_owned()));
    if context.take(listed).is_none() {
        return;
    }
    names.sort_unstable();
    for name in names {
        let path = format!("{dir}/{name}");
        let stat = context.host.files().stat(&path, true);
        let Some(Some(stat)) = context.take(stat) else { continue };
        if stat.kind == Kind::File && stat.mode & 0o111 != 0 {
            run_one(context, &path);
        }
    }
}

fn run_one(context: &mut Context<'_>, path: &str) {
    context.info(&format_args!("running {path}"));
    let command = Command { argv: &[path], env: &[], input: Input::Stage, output: Output::Stage };
    match context.host.procs().run(&command, &mut Vec::new()) {
        Ok(Exit::Code(0)) => {}
        Ok(exit) => context.error(&Error::new("run", path, exit.to_string())),
        Err(error) => context.error(&error),
    }
}
