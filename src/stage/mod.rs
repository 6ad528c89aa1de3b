//! The four stages of a boot, `single` and `query`: what runs, in which order, and what is kept of it.
//!
//! | stage | function | does |
//! | --- | --- | --- |
//! | init-local | [`init_local`] | finds the datasource, claims the instance, sets the host name, writes the network's files |
//! | init | [`init`] | brings the network up where nobody did, user-data and vendor-data, then `cloud_init_modules` |
//! | modules-config | [`modules`] | `cloud_config_modules` |
//! | modules-final | [`modules`] | `cloud_final_modules`, `result.json` |
//!
//! Each is a function of a [`Host`] and [`Options`] that returns the exit status of the contract. What a stage does is a
//! list of steps run by [`work`] where a crash of ours costs one step; the process that waits for them keeps the
//! status and marks what is durable.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use crate::config::Config;
use crate::config::load::{Above, load};
use crate::error::{Errno, Error};
use crate::format::cmdline;
use crate::gather::Gather;
use crate::host::log::Rfc2822;
use crate::host::write::{is_there, read_text, write_file};
use crate::host::{Create, Host, Level};
use crate::instance::{DataKind, Instance};
use crate::limits::MAX_STATE_FILE;
use crate::module::{Frequency, Stage};
use crate::paths::{self, State};

mod claim;
#[cfg(feature = "network")]
pub mod ephemeral;
#[cfg(feature = "network")]
pub mod in_force;
mod keys;
mod labels;
mod local;
#[cfg(feature = "network")]
mod net;
#[cfg(not(feature = "network"))]
#[path = "no_net.rs"]
mod net;
mod network;
mod output;
pub mod query;
mod record;
#[cfg(feature = "network")]
pub mod renew;
mod rows;
mod semaphore;
mod status;
mod work;

use record::Told;
use semaphore::BootId;
use status::Status;
use work::Work;

/// The version that banners and `boot-finished` name.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the command line and the environment say to every stage.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `-f FILE`, each: configuration above all else, the first highest.
    pub files: Vec<String>,
    /// The file that the environment's `CLOUD_CFG` names.
    pub environment: Option<String>,
    /// `--debug`: programs keep our standard input.
    pub debug: bool,
    /// `--force`: run although turned off.
    pub force: bool,
    /// `--root`: the root is not the machine's, and no process of ours may stay in it.
    pub another_root: bool,
}

/// Exit status of a stage that did all that was asked of it.
pub const OK: i32 = 0;
/// Exit status of a stage in which something asked for was not done.
pub const FAILED: i32 = 1;

/// One run of one stage.
struct Boot<'a> {
    options: &'a Options,
    /// Its name in status.json.
    name: &'static str,
    /// Where state is kept.
    state: State,
    /// The kernel's id of this boot.
    boot_id: BootId,
    /// The kernel's command line.
    command_line: String,
}

/// `init --local`: before the network. Exit status 0 also when there is no datasource.
pub fn init_local(host: &mut dyn Host, options: &Options) -> i32 {
    run(host, options, "init-local", &mut local::work)
}

/// `init`: after the network.
pub fn init(host: &mut dyn Host, options: &Options) -> i32 {
    run(host, options, "init", &mut network::work)
}

/// `modules --mode MODE`.
pub fn modules(host: &mut dyn Host, options: &Options, mode: Stage) -> i32 {
    let name = match mode {
        Stage::Init => "modules-init",
        Stage::Config => "modules-config",
        Stage::Final => "modules-final",
    };
    run(host, options, name, &mut |work| rows::stage(work, mode))
}

/// `single --name NAME`: one module, under its semaphore unless `frequency` says otherwise.
pub fn single(
    host: &mut dyn Host,
    options: &Options,
    name: &str,
    frequency: Option<Frequency>,
    args: &[String],
) -> i32 {
    run(host, options, "single", &mut |work| rows::single(work, name, frequency, args))
}

/// Runs one stage: lock, banner, status, the work, the sync, the marks.
fn run(host: &mut dyn Host, options: &Options, name: &'static str, work: &mut dyn FnMut(&mut Work<'_, '_>)) -> i32 {
    let command_line =
        read_text(host.files(), paths::KERNEL_CMDLINE, MAX_STATE_FILE).ok().flatten().unwrap_or_default();
    if let Some(why) = turned_off(host, &command_line).filter(|_| !options.force) {
        host.print(&format_args!("cloud-init is disabled: {why}"));
        host.log(Level::Info, "stage", &format_args!("{name} not run: {why}"));
        return OK;
    }
    if let Err(error) = lock(host) {
        host.log(Level::Warning, "stage", &format_args!("going on without a lock: {error}"));
    }
    let boot_id = BootId::default();
    let mut told = Told::default();
    let mut status = Status::default();
    // One module alone is no stage: who polls the status must not take it for one.
    let keeps_status = name != "single";
    let state = if name == "init-local" {
        status.begin(name, host.now());
        fresh_state(host, &boot_id, &status, &mut told)
    } else if !keeps_status {
        current_state(host, &boot_id)
    } else {
        let state = current_state(host, &boot_id);
        status = Status::load(host, &state);
        status.begin(name, host.now());
        let done = status.save(host, &state);
        keep(host, &mut told, done);
        state
    };
    let mut boot = Boot { options, name, state, boot_id, command_line };
    banner(host, name);

    work::run(host, &boot, &mut told, work);
    labels::relabel(host, options.another_root);
    if told.changed
        && let Err(error) = host.files().sync()
    {
        // What may not be on disk is not done: the next boot looks at it again.
        fail(host, &mut told, &error);
        told.marks.clear();
        told.completes.clear();
    }
    for path in core::mem::take(&mut told.marks) {
        let done = semaphore::mark_done(host.files(), &path);
        keep(host, &mut told, done);
    }
    for path in core::mem::take(&mut told.completes) {
        let done = semaphore::complete(host, &path, &boot.boot_id);
        keep(host, &mut told, done);
    }
    // The work may have found that state cannot be kept where it was.
    if let Some(state) = told.state.take() {
        boot.state = state;
        let done = status::reset(host, &boot.state);
        keep(host, &mut told, done);
    }
    if keeps_status {
        status.end(name, &told, host.now());
        let done = status.save(host, &boot.state);
        keep(host, &mut told, done);
    }
    if name == "modules-final" {
        let done = status.save_result(host, &boot.state);
        keep(host, &mut told, done);
    }
    let code = exit_status(name, &told);
    host.log(Level::Debug, "stage", &format_args!("{name} ends with exit status {code}"));
    host.flush_log();
    host.unlock();
    code
}

fn exit_status(name: &str, told: &Told) -> i32 {
    let missing = told.no_datasource && name != "init-local";
    if missing || !told.errors.is_empty() { FAILED } else { OK }
}

/// Takes what a stage can go on without; a failure is one of its errors.
fn keep(host: &mut dyn Host, told: &mut Told, done: Result<(), Error>) {
    if let Err(error) = done {
        fail(host, told, &error);
    }
}

/// Makes `error` one of the stage's.
fn fail(host: &mut dyn Host, told: &mut Told, error: &Error) {
    host.log(Level::Error, "stage", error);
    told.errors.push(error.to_string());
}

/// Why nothing shall run, if so.
#[inline(never)]
fn turned_off(host: &mut dyn Host, command_line: &str) -> Option<String> {
    if is_there(host.files(), paths::DISABLED) {
        return Some(format!("{} is there", paths::DISABLED));
    }
    let value = cmdline::get(command_line, "cloud-init")??;
    (value == "disabled").then(|| "`cloud-init=disabled` on the kernel command line".to_string())
}

fn lock(host: &mut dyn Host) -> Result<(), Error> {
    host.lock(paths::LOCK, &mut |host, holder| {
        host.print(&format_args!("cloud-init: waiting for another stage, process {holder}, to end"));
        host.log(Level::Info, "stage", &format_args!("waiting for the lock that process {holder} has"));
    })
}

fn banner(host: &mut dyn Host, name: &str) {
    let now = host.now();
    // cloud-init's banners say `modules:final` where its status says `modules-final`.
    let name = name.replace("modules-", "modules:");
    let line = format!(
        "Cloud-init v. {VERSION} running '{name}' at {}. Up {}.{:02} seconds.",
        Rfc2822(now.wall),
        now.up.as_secs(),
        now.up.subsec_millis() / 10
    );
    host.log(Level::Info, "stage", &line);
    host.print(&line);
}

/// Where state is kept in this boot: where it always is, unless `init --local` could not write there.
fn current_state(host: &mut dyn Host, boot: &BootId) -> State {
    let marker = format!("{}/boot-id", paths::VOLATILE_CLOUD_DIR);
    match read_text(host.files(), &marker, MAX_STATE_FILE) {
        // On a disk that survives a boot (no tmpfs on /run) it may be the marker of another one.
        Ok(Some(id)) if id == boot.get(host.files()) => State { dir: paths::VOLATILE_CLOUD_DIR.to_string() },
        _ => State::default(),
    }
}

/// Makes state move to the run directory until the next boot, because of `error`.
fn move_state(host: &mut dyn Host, boot: &BootId, error: &Error) -> Result<State, Error> {
    let boot_id = boot.get(host.files());
    let state = State { dir: paths::VOLATILE_CLOUD_DIR.to_string() };
    crate::host::write::remove_tree(host, &state.dir)?;
    write_file(host.files(), &state.join("boot-id"), &Create::mode(0o644), format!("{boot_id}\n").as_bytes())?;
    host.log(
        Level::Error,
        "stage",
        &format_args!(
            "{error}: the state of this boot is kept in {} and lost with it; the next boot does all of its work again",
            state.dir
        ),
    );
    Ok(state)
}

/// For the first stage: status and result of the last boot give way to `status`, in a state directory that can be written, if
/// there is one.
#[inline(never)]
fn fresh_state(host: &mut dyn Host, boot: &BootId, status: &Status, told: &mut Told) -> State {
    let state = State::default();
    let Err(error) = prepare(host, &state, status) else {
        // A marker of an earlier try in this boot no longer counts.
        let _ = crate::host::write::remove_tree(host, paths::VOLATILE_CLOUD_DIR);
        return state;
    };
    told.errors.push(error.to_string());
    match move_state(host, boot, &error) {
        Ok(state) => {
            let done = prepare(host, &state, status);
            keep(host, told, done);
            state
        }
        Err(error) => {
            fail(host, told, &error);
            State::default()
        }
    }
}

fn prepare(host: &mut dyn Host, state: &State, status: &Status) -> Result<(), Error> {
    status::reset(host, state)?;
    status.save(host, state)
}

/// True for errors that say that a whole directory cannot be written, not just one file.
fn is_unwritable(error: &Error) -> bool {
    matches!(error.errno(), Some(Errno::ROFS | Errno::NOSPC | Errno::DQUOT | Errno::IO | Errno::ACCES | Errno::PERM))
}

/// The instance that the link names, from its cache.
fn cached(host: &mut dyn Host, state: &State) -> Option<Instance> {
    let path = state.join("instance/obj.json");
    match Instance::load(host.files(), &path) {
        Ok(instance) => instance,
        Err(error) => {
            host.log(Level::Warning, "stage", &error);
            None
        }
    }
}

/// The configuration with every layer, and where programs print from now on.
fn configuration(work: &mut Work<'_, '_>, instance: Option<&Instance>) -> Config {
    configuration_with(work, instance, &DataKind::ALL)
}

/// The same, of the instance's data only `kinds`, the lowest first.
fn configuration_with(work: &mut Work<'_, '_>, instance: Option<&Instance>, kinds: &[DataKind]) -> Config {
    let config = layers(work, instance, kinds);
    if let Ok(Some(log)) = config.text("def_log_file") {
        work.host.move_log(&log);
    }
    let (output, fault) = output::choose(&config, work.boot.name, work.boot.options.debug);
    work.host.set_output(&output);
    if let Some(fault) = fault {
        once(work, fault.to_string(), Work::warn);
    }
    config
}

/// The configuration alone: programs print where they did.
fn layers(work: &mut Work<'_, '_>, instance: Option<&Instance>, kinds: &[DataKind]) -> Config {
    let boot = work.boot;
    let files: Vec<String> = instance.map_or(Vec::new(), |instance| {
        let dir = work.state.instance_dir(&instance.id);
        kinds.iter().rev().map(|kind| format!("{dir}/{}", kind.cloud_config_file())).gather()
    });
    let above = Above {
        instance: &files,
        command_line: &boot.command_line,
        environment: boot.options.environment.as_deref(),
        files: &boot.options.files,
    };
    let mut broken = Vec::new();
    let mut config = load(work.host.files(), above, &mut |error| broken.push(error));
    for error in broken {
        once(work, error.to_string(), Work::recoverable);
    }
    for text in core::mem::take(&mut config.warnings) {
        once(work, text, Work::warn);
    }
    if let Some(dir) = config.get("system_info.paths.cloud_dir").filter(|dir| !dir.is_text(paths::CLOUD_DIR)) {
        let at = dir.position();
        let text = format!("{at}: another cloud_dir is not supported: state is kept in {}", paths::CLOUD_DIR);
        once(work, text, Work::warn);
    }
    config
}

/// Tells what is wrong with the configuration, unless this process has told it.
fn once<'h, 'b>(work: &mut Work<'h, 'b>, text: String, tell: fn(&mut Work<'h, 'b>, &str, &dyn Display)) {
    if !work.told.contains(&text) {
        tell(work, "config", &text);
        work.told.push(text);
    }
}
