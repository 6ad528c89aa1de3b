//! The keys of a cloud-config that nothing here reads: a user who misspells one, or asks for what wisp does not do, is told.

use super::work::Work;
use crate::config::Config;
use crate::module::{ACCEPTED, PLANNED, Stage, TABLE};

/// Keys that no row names: of modules that always run, and of wisp as a whole.
const GENERAL: &[&str] = &[
    "allow_public_ssh_keys",
    "allow_userdata",
    "cloud_config_modules",
    "cloud_final_modules",
    "cloud_init_modules",
    "create_hostname_file",
    "datasource",
    "datasource_list",
    "def_log_file",
    "disable_root",
    "disable_root_opts",
    "final_message",
    "fqdn",
    "hostname",
    "launch-index",
    "log_cfgs",
    "manage-resolv-conf",
    "manage_resolv_conf",
    "manual_cache_clean",
    "merge_how",
    "merge_type",
    "mount_default_fields",
    "network",
    "output",
    "prefer_fqdn_over_hostname",
    "preserve_hostname",
    "reporting",
    "resolv_conf",
    "ssh_authorized_keys",
    "ssh_deletekeys",
    "ssh_genkeytypes",
    "ssh_keys",
    "ssh_publish_hostkeys",
    "ssh_quiet_keygen",
    "syslog_fix_perms",
    "system_info",
    "unverified_modules",
    "updates",
    "user",
    "vendor_data",
    "vendor_data2",
];

/// Warns of keys of the user's own configuration that nothing reads; and, where no list of modules names what wisp lacks (then the list's
/// entries are looked at), of keys that it does not support yet.
#[inline(never)]
pub(super) fn check(work: &mut Work<'_, '_>, config: &Config, user: &str) {
    let Some(root) = config.root() else { return };
    let has_lists = [Stage::Init, Stage::Config, Stage::Final].iter().any(|stage| config.get(stage.key()).is_some());
    for (key, value) in root.entries() {
        let Ok(name) = key.text() else { continue };
        if value.is_null() || GENERAL.contains(&name.as_str()) || TABLE.iter().any(|row| reads(row.keys, &name)) {
            continue;
        }
        match ACCEPTED.iter().chain(PLANNED).find(|(_, keys)| reads(keys, &name)) {
            Some((module, _)) if !has_lists => {
                work.warn("stage", &format_args!("the config has `{name}`, but module {module} is not supported"));
            }
            Some(_) => {}
            None if key.position().source == user => {
                let at = key.position();
                work.warn("stage", &format_args!("{at}: no module reads the key `{name}`"));
            }
            None => {}
        }
    }
}

fn reads(keys: &[&str], name: &str) -> bool {
    keys.contains(&name)
}
