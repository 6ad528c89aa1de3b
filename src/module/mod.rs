//! Config modules: one file each with one function, and the table of them.
//!
//! A module does its work and nothing else: the runner (`stage::rows`) has looked at frequency and
//! semaphore, and writes log lines of start and end, status record and done-mark. One bad item in a module is
//! an error ([`Context::error`]) and does not stop the next item.
//!
//! A new module: a file with `pub fn run(context: &mut Context<'_>)`, its `mod` line, and a row below. Row order is
//! run order within a stage where cloud.cfg does not list the modules.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use crate::config::Config;
use crate::error::Error;
use crate::format::doc::Value;
use crate::host::{Host, Level};
use crate::instance::Instance;
use crate::paths::State;

mod bootcmd;
mod final_message;
mod resolv_conf;
mod runcmd;
mod scripts;
pub mod set_hostname;
mod ssh;
#[cfg(test)]
mod tests;
mod write_files;
mod ws_virt_network_dep;

/// The list of cloud.cfg that a module stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `cloud_init_modules`
    Init,
    /// `cloud_config_modules`
    Config,
    /// `cloud_final_modules`
    Final,
}

impl Stage {
    /// The word of `--mode`.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Init => "init",
            Stage::Config => "config",
            Stage::Final => "final",
        }
    }

    /// The key of its list in cloud.cfg.
    pub fn key(self) -> &'static str {
        match self {
            Stage::Init => "cloud_init_modules",
            Stage::Config => "cloud_config_modules",
            Stage::Final => "cloud_final_modules",
        }
    }
}

/// How often a module runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    /// At each boot; no semaphore.
    Always,
    /// Once for each instance.
    Instance,
    /// Once for an image.
    Once,
}

impl Frequency {
    /// The word of cloud.cfg.
    pub fn word(self) -> &'static str {
        match self {
            Frequency::Always => "always",
            Frequency::Instance => "once-per-instance",
            Frequency::Once => "once",
        }
    }

    /// From the word of cloud.cfg, or the short one of `--frequency`.
    pub fn from_word(word: &str) -> Option<Frequency> {
        match word {
            "always" => Some(Frequency::Always),
            "once-per-instance" | "instance" => Some(Frequency::Instance),
            "once" => Some(Frequency::Once),
            _ => None,
        }
    }
}

/// Whether a module that a power cut interrupted is run again at the next boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rerun {
    /// Yes: running it twice leaves what running it once leaves.
    Safe,
    /// Yes, and it is told ([`Context::resumed`]), so that it leaves out what it must not do twice. Its semaphore is on disk
    /// before it starts.
    Resume,
    /// No: it runs programs. Its semaphore is on disk before it starts.
    Never,
}

/// One row of the table.
pub struct Module {
    /// Its name, with `_`.
    pub name: &'static str,
    /// The stage it belongs to by default.
    pub stage: Stage,
    /// How often it runs by default.
    pub every: Frequency,
    /// What an interruption means.
    pub rerun: Rerun,
    /// The cloud-config keys that it reads and is passed over without; empty: it always has something to do.
    pub keys: &'static [&'static str],
    /// Whether there is anything that must not be done twice; asked before the semaphore goes to disk, which costs a wait
    /// for it. `None`: there always is. A row of [`Rerun::Never`] is not run if there is not.
    pub has_work: Option<fn(&mut Context<'_>) -> bool>,
    /// Its work.
    pub run: fn(&mut Context<'_>),
}

impl Module {
    /// The row with this question asked first.
    const fn asked(self, has_work: fn(&mut Context<'_>) -> bool) -> Module {
        Module { has_work: Some(has_work), ..self }
    }
}

/// Every module, in run order within a stage.
pub static TABLE: &[Module] = &[
    row("bootcmd", Stage::Init, Frequency::Always, Rerun::Never, &["bootcmd"], bootcmd::run),
    row("write_files", Stage::Init, Frequency::Instance, Rerun::Resume, &["write_files"], write_files::run)
        .asked(write_files::appends),
    row("set_hostname", Stage::Init, Frequency::Instance, Rerun::Safe, &[], set_hostname::run),
    row("resolv_conf", Stage::Init, Frequency::Instance, Rerun::Safe, resolv_conf::KEYS, resolv_conf::run),
    row("ssh", Stage::Init, Frequency::Instance, Rerun::Safe, &[], ssh::run),
    row(
        "ws_virt_network_dep",
        Stage::Init,
        Frequency::Instance,
        Rerun::Safe,
        &["ws_virt_network_dep"],
        ws_virt_network_dep::run,
    ),
    row("runcmd", Stage::Config, Frequency::Instance, Rerun::Safe, &["runcmd"], runcmd::run),
    row(
        "write_files_deferred",
        Stage::Final,
        Frequency::Instance,
        Rerun::Resume,
        &["write_files"],
        write_files::run_deferred,
    )
    .asked(write_files::appends_deferred),
    row("scripts_vendor", Stage::Final, Frequency::Instance, Rerun::Never, &[], scripts::run).asked(scripts::has_any),
    row("scripts_per_once", Stage::Final, Frequency::Once, Rerun::Never, &[], scripts::run).asked(scripts::has_any),
    row("scripts_per_boot", Stage::Final, Frequency::Always, Rerun::Never, &[], scripts::run).asked(scripts::has_any),
    row("scripts_per_instance", Stage::Final, Frequency::Instance, Rerun::Never, &[], scripts::run)
        .asked(scripts::has_any),
    row("scripts_user", Stage::Final, Frequency::Instance, Rerun::Never, &[], scripts::run).asked(scripts::has_any),
    row("final_message", Stage::Final, Frequency::Always, Rerun::Safe, &[], final_message::run),
];

const fn row(
    name: &'static str,
    stage: Stage,
    every: Frequency,
    rerun: Rerun,
    keys: &'static [&'static str],
    run: fn(&mut Context<'_>),
) -> Module {
    Module { name, stage, every, rerun, keys, has_work: None, run }
}

/// Names that packaged lists hold and that wisp accepts without a word; only if the config has one of the keys, one
/// warning says that the key is not supported.
pub static ACCEPTED: &[(&str, &[&str])] = &[
    ("migrator", &[]),
    ("emit_upstart", &[]),
    ("rightscale_userdata", &[]),
    ("puppet", &["puppet"]),
    ("chef", &["chef"]),
    ("salt_minion", &["salt_minion"]),
    ("mcollective", &["mcollective"]),
    ("ansible", &["ansible"]),
    ("keyboard", &["keyboard"]),
    ("grub_dpkg", &["grub_dpkg", "grub-dpkg"]),
    ("apt_pipelining", &["apt_pipelining"]),
    ("snap", &["snap"]),
    ("byobu", &["byobu_by_default"]),
    ("lxd", &["lxd"]),
    ("landscape", &["landscape"]),
    ("ubuntu_advantage", &["ubuntu_advantage", "ubuntu-advantage"]),
    ("ubuntu_autoinstall", &["autoinstall"]),
    ("ubuntu_drivers", &["drivers"]),
    ("ubuntu_pro", &["ubuntu_pro"]),
    ("rh_subscription", &["rh_subscription"]),
    ("spacewalk", &["spacewalk"]),
    ("zypper_add_repo", &["zypper"]),
    ("reset_rmc", &[]),
    ("install_hotplug", &[]),
    ("wireguard", &["wireguard"]),
    ("fan", &["fan"]),
];

/// Modules that are to come; until then a list that names them gets no warning of an unknown name, and a config that
/// asks for their work gets one that says it is not done yet.
pub static PLANNED: &[(&str, &[&str])] = &[
    ("seed_random", &["random_seed"]),
    ("growpart", &["growpart"]),
    ("resizefs", &["resize_rootfs"]),
    ("disk_setup", &["disk_setup", "fs_setup"]),
    ("mounts", &["mounts", "swap"]),
    ("update_hostname", &[]),
    ("update_etc_hosts", &["manage_etc_hosts"]),
    ("ca_certs", &["ca_certs", "ca-certs"]),
    ("rsyslog", &["rsyslog"]),
    ("users_groups", &["users", "groups"]),
    ("set_passwords", &["password", "chpasswd", "ssh_pwauth"]),
    ("ssh_import_id", &["ssh_import_id"]),
    ("locale", &["locale"]),
    ("yum_add_repo", &["yum_repos"]),
    ("apk_configure", &["apk_repos"]),
    ("apt_configure", &["apt"]),
    ("ntp", &["ntp"]),
    ("timezone", &["timezone"]),
    ("disable_ec2_metadata", &["disable_ec2_metadata"]),
    ("package_update_upgrade_install", &["packages", "package_update", "package_upgrade"]),
    ("ssh_authkey_fingerprints", &[]),
    ("keys_to_console", &[]),
    ("phone_home", &["phone_home"]),
    ("power_state_change", &["power_state"]),
];

/// The row of `name`, `-` and `_` alike.
pub fn find(name: &str) -> Option<&'static Module> {
    let wanted = name.replace('-', "_");
    TABLE.iter().find(|module| module.name == wanted)
}

/// The keys of a module that has no row and that a list may name all the same, `-` and `_` alike: [`ACCEPTED`], [`PLANNED`], and all of
/// Ubuntu's own (`ubuntu_*`; no keys are known of those that do not stand there). `None`: nobody knows the name.
pub fn known(name: &str) -> Option<&'static [&'static str]> {
    let wanted = name.replace('-', "_");
    let listed = ACCEPTED.iter().chain(PLANNED).find(|(known, _)| *known == wanted);
    listed.map(|(_, keys)| *keys).or_else(|| wanted.starts_with("ubuntu_").then_some(&[]))
}

/// What a module works with.
pub struct Context<'a> {
    /// The machine.
    pub host: &'a mut dyn Host,
    /// The configuration in force.
    pub config: &'a Config,
    /// The instance.
    pub instance: &'a Instance,
    /// The state directory.
    pub state: &'a State,
    /// Arguments from the module's entry in cloud.cfg, or from the command line of `single`.
    pub args: Vec<String>,
    /// The module's name.
    pub name: &'static str,
    /// True if an earlier boot was interrupted in it ([`Rerun::Resume`]).
    pub resumed: bool,
    /// Set by a module that changed what the network is made from: once it is done the network is made anew.
    pub renews_network: bool,
    /// What went wrong so far.
    pub faults: &'a mut dyn FnMut(Level, &str),
}

impl<'a> Context<'a> {
    /// Something asked for was not done: logged, recorded, the stage exits 1.
    pub fn error(&mut self, what: &dyn Display) {
        self.fault(Level::Error, what);
    }

    /// Something was left out or not as asked: logged, recorded, the stage still exits 0.
    pub fn warn(&mut self, what: &dyn Display) {
        self.fault(Level::Warning, what);
    }

    /// For whoever looks for a fault.
    pub fn debug(&mut self, what: &dyn Display) {
        self.host.log(Level::Debug, self.name, what);
    }

    /// A step done.
    pub fn info(&mut self, what: &dyn Display) {
        self.host.log(Level::Info, self.name, what);
    }

    fn fault(&mut self, level: Level, what: &dyn Display) {
        // Written out once: a place in a long text is not found for nothing.
        let text = what.to_string();
        self.host.log(level, self.name, &text);
        (self.faults)(level, &text);
    }

    /// Takes a result; an error is recorded, and there is no value.
    pub fn take<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.error(&error)).ok()
    }

    /// The value of the first of `keys` that the config has.
    pub fn get(&self, keys: &[&str]) -> Option<Value<'a>> {
        let config: &'a Config = self.config;
        config.get_any(keys)
    }

    /// A path below the instance's directory.
    pub fn instance_path(&self, name: &str) -> String {
        self.state.instance_file(&self.instance.id, name)
    }
}
