//! Module `bootcmd`: commands that run early at each boot, as one shell script.
//!
//! `bootcmd` is a list like that of `runcmd` ([`shell::script`]). The script runs at once, through `/bin/sh`, with `INSTANCE_ID` in its
//! environment; an exit status other than 0 is an error. Items that are no command are errors, and the others run.
//!
//! Source: cloud-init's page "Module reference", Bootcmd.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::Context;
use crate::config::shell;
use crate::error::Error;
use crate::host::write::write_file;
use crate::host::{Command, Create, Exit, Input, Output};
use crate::paths::BOOTCMD_SCRIPT;

/// Makes the script, runs it, removes it.
pub fn run(context: &mut Context<'_>) {
    let Some(commands) = context.get(&["bootcmd"]) else { return };
    let Some(script) = context.take(shell::script(&commands)) else { return };
    for fault in &script.faults {
        context.error(fault);
    }
    if script.commands == 0 {
        return;
    }
    let written = write_file(context.host.files(), BOOTCMD_SCRIPT, &Create::mode(0o700), script.text.as_bytes());
    if context.take(written).is_none() {
        return;
    }
    let instance = context.instance;
    let command = Command {
        argv: &["/bin/sh", BOOTCMD_SCRIPT],
        env: &[("INSTANCE_ID", &instance.id)],
        input: Input::Stage,
        output: Output::Stage,
    };
    match context.host.procs().run(&command, &mut Vec::new()) {
        Ok(Exit::Code(0)) => {}
        Ok(exit) => context.error(&Error::new("run", "the commands of `bootcmd`", exit.to_string())),
        Err(error) => context.error(&error),
    }
    let removed = context.host.files().remove(BOOTCMD_SCRIPT);
    context.take(removed);
}
