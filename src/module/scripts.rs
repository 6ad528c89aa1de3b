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

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Context;
use crate::config::texts;
use crate::error::Error;
use crate::host::{Command, Exit, Input, Kind, Output, Stat};
use crate::instance::DataKind;

/// Those of the user-data.
pub fn user(context: &mut Context<'_>) {
    run_all(context, &user_dir(context), &[]);
}

/// Are there any?
pub fn has_user(context: &mut Context<'_>) -> bool {
    has_any(context, &user_dir(context))
}

/// Those of the vendor-data.
pub fn vendor(context: &mut Context<'_>) {
    let prefix = context.get(&["vendor_data.prefix"]).map_or(Ok(Vec::new()), |prefix| texts(&prefix));
    let Some(mut prefix) = context.take(prefix) else { return };
    // As cloud-init: an empty text is none.
    if prefix == [""] {
        prefix.clear();
    }
    run_all(context, &vendor_dir(context), &prefix);
}

/// Are there any?
pub fn has_vendor(context: &mut Context<'_>) -> bool {
    has_any(context, &vendor_dir(context))
}

/// Those that run once in the life of an image.
pub fn per_once(context: &mut Context<'_>) {
    run_all(context, &context.state.join(PER_ONCE), &[]);
}

/// Are there any?
pub fn has_per_once(context: &mut Context<'_>) -> bool {
    has_any(context, &context.state.join(PER_ONCE))
}

/// Those that run at each boot.
pub fn per_boot(context: &mut Context<'_>) {
    run_all(context, &context.state.join(PER_BOOT), &[]);
}

/// Are there any?
pub fn has_per_boot(context: &mut Context<'_>) -> bool {
    has_any(context, &context.state.join(PER_BOOT))
}

/// Those that run once for each instance.
pub fn per_instance(context: &mut Context<'_>) {
    run_all(context, &context.state.join(PER_INSTANCE), &[]);
}

/// Are there any?
pub fn has_per_instance(context: &mut Context<'_>) -> bool {
    has_any(context, &context.state.join(PER_INSTANCE))
}

const PER_ONCE: &str = "scripts/per-once";
const PER_BOOT: &str = "scripts/per-boot";
const PER_INSTANCE: &str = "scripts/per-instance";

fn user_dir(context: &Context<'_>) -> String {
    context.instance_path(DataKind::User.scripts_dir())
}

fn vendor_dir(context: &Context<'_>) -> String {
    context.instance_path(DataKind::Vendor.scripts_dir())
}

/// True unless it is sure that there is no script: what cannot be read is told when they are run.
fn has_any(context: &mut Context<'_>, dir: &str) -> bool {
    let mut names = Vec::new();
    let listed = context.host.files().list(dir, &mut |name| names.push(String::from_utf8_lossy(name).into_owned()));
    let is_script = |stat: Option<Stat>| stat.is_some_and(|stat| stat.kind == Kind::File && stat.mode & 0o111 != 0);
    listed.is_err()
        || names.iter().any(|name| context.host.files().stat(&format!("{dir}/{name}"), true).map_or(true, is_script))
}

fn run_all(context: &mut Context<'_>, dir: &str, prefix: &[String]) {
    let mut names = Vec::new();
    let listed = context.host.files().list(dir, &mut |name| names.push(String::from_utf8_lossy(name).into_owned()));
    if context.take(listed).is_none() {
        return;
    }
    names.sort_unstable();
    for name in names {
        let path = format!("{dir}/{name}");
        let stat = context.host.files().stat(&path, true);
        let Some(Some(stat)) = context.take(stat) else { continue };
        if stat.kind == Kind::File && stat.mode & 0o111 != 0 {
            run_one(context, &path, prefix);
        }
    }
}

fn run_one(context: &mut Context<'_>, path: &str, prefix: &[String]) {
    context.info(&format_args!("running {path}"));
    let argv: Vec<&str> = prefix.iter().map(String::as_str).chain([path]).collect();
    let command = Command { argv: &argv, env: &[], input: Input::Stage, output: Output::Stage };
    match context.host.procs().run(&command, &mut Vec::new()) {
        Ok(Exit::Code(0)) => {}
        Ok(exit) => context.error(&Error::new("run", path, exit.to_string())),
        Err(error) => context.error(&error),
    }
}
