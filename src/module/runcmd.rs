//! Module `runcmd`: commands for the first boot, written as the script `scripts/runcmd` of the instance; `scripts_user` runs it
//! in the final stage.
//!
//! `runcmd` is a list: a text is a line for the shell, a list is one command whose words are quoted ([`shell::script`]). An item that is
//! neither is an error, and the others are kept. A list without commands makes no script.
//!
//! Source: cloud-init's page "Module reference", Runcmd.

use super::Context;
use crate::config::shell;
use crate::host::Create;
use crate::host::write::write_file;

/// Writes the script.
pub fn run(context: &mut Context<'_>) {
    let Some(commands) = context.get(&["runcmd"]) else { return };
    let Some(script) = context.take(shell::script(&commands)) else { return };
    for fault in &script.faults {
        context.error(fault);
    }
    if script.commands == 0 {
        return;
    }
    let path = context.instance_path("scripts/runcmd");
    let written = write_file(context.host.files(), &path, &Create::mode(0o700), script.text.as_bytes());
    if context.take(written).is_some() {
        context.info(&format_args!("{} commands wait in {path} for the final stage", script.commands));
    }
}
