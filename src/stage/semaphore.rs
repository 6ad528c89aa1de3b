//! Semaphores: the files that say that something ran.
//!
//! Content, so that cloud-init and wisp read each other's: `<pid>: <epoch with fraction>`, then (ours) `boot <boot id>`,
//! then `done` once the effects are on disk. A file with our `boot` line, of another boot, without `done` is an
//! interrupted run; any other file counts as run.

use alloc::format;
use alloc::string::String;
use core::cell::OnceCell;

use crate::error::Error;
use crate::host::write::{read_text, write_file};
use crate::host::{Create, Files, Host};
use crate::limits::MAX_STATE_FILE;
use crate::module::Frequency;
use crate::paths::{BOOT_ID, State};

/// What a semaphore says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It did not run.
    No,
    /// It ran, or another program says so.
    Yes,
    /// It began in an earlier boot and never ended.
    Interrupted,
}

/// The semaphore of `name` at `frequency`; `None` where there is none (always).
pub fn path(state: &State, instance_id: &str, name: &str, frequency: Frequency) -> Option<String> {
    match frequency {
        Frequency::Always => None,
        Frequency::Instance => Some(state.instance_file(instance_id, &format!("sem/{name}"))),
        Frequency::Once => Some(state.join(&format!("sem/{name}.once"))),
    }
}

/// Reads the semaphore at `path`.
///
/// # Errors
/// The kernel's.
pub fn read(files: &mut dyn Files, path: &str, boot: &BootId) -> Result<Ran, Error> {
    let text = read_text(files, path, MAX_STATE_FILE)?;
    Ok(text.map_or(Ran::No, |text| judge(&text, &mut || boot.get(files))))
}

/// `boot_id` is asked for this boot's id only if that decides.
fn judge<'a>(text: &str, boot_id: &mut dyn FnMut() -> &'a str) -> Ran {
    if text.ends_with("\ndone") {
        return Ran::Yes;
    }
    let boot = text.lines().find_map(|line| line.strip_prefix("boot "));
    let done = text.lines().any(|line| line == "done");
    match boot {
        Some(boot) if !done && boot != boot_id() => Ran::Interrupted,
        _ => Ran::Yes,
    }
}

/// The kernel's id of this boot, read when it is first asked for; empty where the kernel gives none. With it the process that works.
#[derive(Debug, Default)]
pub struct BootId {
    id: OnceCell<String>,
    process: OnceCell<String>,
}

impl BootId {
    /// The id.
    pub fn get(&self, files: &mut dyn Files) -> &str {
        self.id.get_or_init(|| read_text(files, BOOT_ID, MAX_STATE_FILE).ok().flatten().unwrap_or_default())
    }

    /// The number of the stage's process that asked first.
    fn process(&self, files: &mut dyn Files) -> &str {
        self.process.get_or_init(|| files.read_link("/proc/self").ok().flatten().unwrap_or_else(|| "1".into()))
    }
}

/// Takes the semaphore of a run that must not be repeated: on disk before this returns.
///
/// # Errors
/// The kernel's.
pub fn take(host: &mut dyn Host, path: &str, boot: &BootId) -> Result<(), Error> {
    let text = begun(host, boot);
    write_file(host.files(), path, &Create::mode(0o644).durable(), text.as_bytes())
}

/// Says that the effects of the run that took the semaphore are on disk.
///
/// # Errors
/// The kernel's.
pub fn mark_done(files: &mut dyn Files, path: &str) -> Result<(), Error> {
    files.append(path, b"done\n", 0o644, false)
}

/// Writes the semaphore of a run that may be repeated, once its effects are on disk. It is not written earlier: a power cut
/// can leave the name of a file without its content, and a semaphore without content counts as run. For that reason it need not be
/// renamed to its name either.
///
/// # Errors
/// The kernel's.
pub fn complete(host: &mut dyn Host, path: &str, boot: &BootId) -> Result<(), Error> {
    let text = begun(host, boot) + "done\n";
    host.files().append(path, text.as_bytes(), 0o644, false)
}

fn begun(host: &mut dyn Host, boot: &BootId) -> String {
    let wall = host.now().wall;
    let (boot_id, pid) = (boot.get(host.files()), boot.process(host.files()));
    format!("{pid}: {}.{:06}\nboot {boot_id}\n", wall.as_secs(), wall.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_unfinished_run_of_another_boot_was_interrupted() {
        for (text, wanted) in [
            ("", Ran::Yes),
            ("1234: 1400000000.5\n", Ran::Yes),
            ("1: 2.5\nboot now\n", Ran::Yes),
            ("1: 2.5\nboot then\n", Ran::Interrupted),
            ("1: 2.5\nboot then\ndone\n", Ran::Yes),
        ] {
            assert_eq!(judge(text, &mut || "now"), wanted, "{text:?}");
        }
    }
}
