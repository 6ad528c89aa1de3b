//! `init --local`: finding the datasource and claiming the instance, before the network.

use alloc::format;
use alloc::string::{String, ToString};

use super::claim::{claim, pass};
use super::record::Record;
use super::work::Work;
use super::{cached, configuration, net, network, rows};
use crate::config::{Config, texts};
use crate::datasource::{self, Candidate, Needs, Search};
use crate::gather::Gather;
use crate::host::Level;
use crate::host::write::is_there;
use crate::instance::{DataKind, DsMode, Instance};
use crate::module::set_hostname;

/// The stage's steps.
pub(super) fn work(work: &mut Work<'_, '_>) {
    let finished = work.state.join("instance/boot-finished");
    if let Err(error) = work.host.files().remove(&finished) {
        work.host.log(Level::Debug, "stage", &error);
    }
    let config = configuration(work, None);
    let found = work.step("search-local", |work| search(work, &config, Needs::Local));
    let instance = match found {
        Some(instance) => instance,
        // This process took over behind the step that died.
        None => survivor(work, &config),
    };
    // Before the network, so that DHCP asks with it; the module does it again once user-data is there.
    work.step("hostname", |work| {
        let Some(instance) = instance.as_ref().filter(|instance| !has_host_name(work, instance)) else { return };
        let user = work.state.instance_file(&instance.id, DataKind::User.cloud_config_file());
        let has_user = is_there(work.host.files(), &user);
        let users = has_user.then(|| configuration(work, Some(instance)));
        rows::set_hostname(work, instance, users.as_ref().unwrap_or(&config));
    });
    work.step("network", |work| net::apply(work, instance.as_ref(), &config));
    if let Some(instance) = instance.filter(|instance| instance.mode == DsMode::Local) {
        network::configure(work, &instance);
    }
}

/// The instance in the cache after the search died: the one that it claimed, or the one of an earlier boot if that still is this machine.
fn survivor(work: &mut Work<'_, '_>, config: &Config) -> Option<Instance> {
    let kept = cached(work.host, &work.state);
    if work.claimed || is_trusted(work, config) {
        return kept;
    }
    let kept = kept.filter(|kept| datasource::still_here(work.host, kept));
    if kept.is_none() {
        none_found(work, "the search did not end");
    }
    kept
}

/// True if the host name of this instance was set in an earlier boot, and something (the distribution's own boot, or a
/// former stage) has set one in this boot.
fn has_host_name(work: &mut Work<'_, '_>, instance: &Instance) -> bool {
    let semaphore = work.state.instance_file(&instance.id, "sem/config_set_hostname");
    is_there(work.host.files(), &semaphore) && !set_hostname::is_unset(work.host.files())
}

/// Finds the instance: on a drive, else the one kept, if it is still this machine's.
pub(super) fn search(work: &mut Work<'_, '_>, config: &Config, needs: Needs) -> Option<Instance> {
    if is_trusted(work, config)
        && let Some(kept) = cached(work.host, &work.state)
    {
        work.host.log(
            Level::Info,
            "stage",
            &format_args!("instance {}: its cache is trusted, nothing looked for", kept.id),
        );
        work.send(&Record::Datasource(kept.description.clone()));
        return Some(kept);
    }
    let (candidate, looked) = look(work, config, needs);
    if let Some(candidate) = candidate {
        let instance = claim(work, candidate)?;
        work.send(&Record::Datasource(instance.description.clone()));
        return Some(instance);
    }
    match cached(work.host, &work.state) {
        Some(kept) if datasource::still_here(work.host, &kept) => {
            let line =
                format!("instance {}: its drive is gone, but this is the same machine: the cache is used", kept.id);
            work.host.log(Level::Info, "stage", &line);
            work.send(&Record::Datasource(kept.description.clone()));
            Some(kept)
        }
        _ => {
            none_found(work, &looked);
            None
        }
    }
}

/// True if the user said that the cache holds whatever the drives say.
fn is_trusted(work: &mut Work<'_, '_>, config: &Config) -> bool {
    let marker = work.state.join("instance/manual-clean");
    config.flag("manual_cache_clean", false) || is_there(work.host.files(), &marker)
}

/// Tries the datasources of the list. What was looked at is told when there is none.
#[inline(never)]
fn look(work: &mut Work<'_, '_>, config: &Config, needs: Needs) -> (Option<Candidate>, String) {
    let names = config.get("datasource_list").and_then(|value| texts(&value).ok());
    let mut looked = alloc::vec::Vec::new();
    let listed = names.unwrap_or_else(|| datasource::TABLE.iter().map(|row| row.name.to_string()).gather());
    for name in listed.iter().filter(|name| *name != "None") {
        let Some(row) = datasource::TABLE.iter().find(|row| row.name == name) else {
            work.host.log(Level::Debug, "datasource", &format_args!("{name}: not one that wisp has"));
            continue;
        };
        if row.needs != needs && needs == Needs::Local {
            continue;
        }
        let mut search = Search {
            host: work.host,
            config,
            state: &work.state,
            looked: core::mem::take(&mut looked),
            broken: alloc::vec::Vec::new(),
        };
        let found = (row.find)(&mut search);
        looked = search.looked;
        let is_found = matches!(found, Ok(Some(_)));
        for error in search.broken {
            // With another one that is good, a broken drive is worth a warning; without, it is why there is none.
            if is_found { work.warn(row.name, &error) } else { work.recoverable(row.name, &error) }
        }
        match found {
            Ok(Some(candidate)) if candidate.instance.mode == DsMode::Pass => {
                looked.push(format!("{} (not claimed: mode pass)", candidate.instance.description));
                pass(work, candidate);
            }
            Ok(Some(candidate)) => return (Some(candidate), String::new()),
            Ok(None) => {}
            Err(error) => work.recoverable(row.name, &error),
        }
    }
    (None, looked.join(", "))
}

/// No datasource: says what was looked at. The link to the instance of another machine goes.
fn none_found(work: &mut Work<'_, '_>, looked: &str) {
    let looked = if looked.is_empty() { "no place at all" } else { looked };
    work.warn("datasource", &format_args!("no datasource found; looked at: {looked}"));
    work.send(&Record::NoDatasource);
    if let Err(error) = work.host.files().remove(&work.state.instance_link()) {
        work.host.log(Level::Debug, "stage", &error);
    }
}
