//! Modules `scripts_user`, `scripts_vendor`, `scripts_per_once`, `scripts_per_boot` and `scripts_per_instance`: the scripts of a directory.
//!
//! | module | directory | whose |
//! | --- | --- | --- |
//! | `scripts_vendor` | `scripts/vendor` of the instance | the vendor-data's |
//! | `scripts_per_once` | `scripts/per-once` of the state directory | the image's, and user-data parts `text/x-shellscript-per-once` |
//! | `scripts_per_boot` | `scripts/per-boot` there | the same, `per-boot` |
//! | `scripts_per_instance` | `scripts/per-instance` there | the same, `per-instance` |
//! | `scripts_user` | `scripts` of the instance | the user-data's, and that of `runcmd` |
//!
//! Every executable file in the directory is run in the order of their names, also after one that failed; each failure (an exit status
//! other than 0, a signal, a file that cannot be started) is an error that names the script. Directories (`vendor`) and files without an
//! execute bit are left alone; a directory that is not there is nothing to do.
//!
//! `vendor_data.prefix`, a command (one word, or a list of words), is put in front of each of the vendor's scripts. One that cannot be
//! read is an error, and none of them runs: it may be there to confine them.
//!
//! Source: cloud-init's page "Module reference", Scripts User, Scripts Vendor, Scripts Per Once, Scripts Per Boot, Scripts Per Instance.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Context;
use crate::config::texts;
use crate::error::Error;
use crate::gather::Gather;
use crate::host::write::child;
use crate::host::{Command, Exit, Input, Kind, Output, Stat};
use crate::instance::DataKind;

/// Runs the module's scripts.
pub fn run(context: &mut Context<'_>) {
    let Some(prefix) = prefix(context) else { return };
    let dir = dir(context);
    let listed = names(context, &dir);
    let Some(mut names) = context.take(listed) else { return };
    names.sort();
    for name in names {
        let path = child(&dir, &name);
        let stat = context.host.files().stat(&path, true);
        if context.take(stat).is_some_and(is_script) {
            run_one(context, &path, &prefix);
        }
    }
}

/// True unless it is sure that the module has nothing to run and nothing to say: what cannot be read is told when the scripts are run.
pub fn has_any(context: &mut Context<'_>) -> bool {
    if context.name == "scripts_vendor" && context.get(&["vendor_data.prefix"]).is_some() {
        return true;
    }
    let dir = dir(context);
    let Ok(names) = names(context, &dir) else { return true };
    names.iter().any(|name| context.host.files().stat(&child(&dir, name), true).map_or(true, is_script))
}

/// The directory of the module that runs.
fn dir(context: &Context<'_>) -> String {
    match context.name {
        "scripts_vendor" => context.instance_path(DataKind::Vendor.scripts_dir()),
        "scripts_per_once" => context.state.join("scripts/per-once"),
        "scripts_per_boot" => context.state.join("scripts/per-boot"),
        "scripts_per_instance" => context.state.join("scripts/per-instance"),
        _ => context.instance_path(DataKind::User.scripts_dir()),
    }
}

/// What stands in front of each script; `None`: it cannot be read.
fn prefix(context: &mut Context<'_>) -> Option<Vec<String>> {
    if context.name != "scripts_vendor" {
        return Some(Vec::new());
    }
    let prefix = context.get(&["vendor_data.prefix"]).map_or(Ok(Vec::new()), |prefix| texts(&prefix));
    // As cloud-init: an empty text is none.
    context.take(prefix).map(|prefix| if prefix == [""] { Vec::new() } else { prefix })
}

fn names(context: &mut Context<'_>, dir: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    context.host.files().list(dir, &mut |name| names.push(String::from_utf8_lossy(name).into_owned()))?;
    Ok(names)
}

fn is_script(stat: Option<Stat>) -> bool {
    stat.is_some_and(|stat| stat.kind == Kind::File && stat.mode & 0o111 != 0)
}

#[inline(never)]
fn run_one(context: &mut Context<'_>, path: &str, prefix: &[String]) {
    context.info(&format_args!("running {path}"));
    let argv: Vec<&str> = prefix.iter().map(String::as_str).chain([path]).gather();
    let command = Command { argv: &argv, env: &[], input: Input::Stage, output: Output::Stage };
    match context.host.procs().run(&command, &mut Vec::new()) {
        Ok(Exit::Code(0)) => {}
        Ok(exit) => context.error(&Error::new("run", path, exit.to_string())),
        Err(error) => context.error(&error),
    }
}
