//! `init`: after the network. User-data and vendor-data, then the init modules.

use alloc::format;

use super::claim::claim;
use super::record::Record;
use super::semaphore::{self, Ran};
use super::work::Work;
use super::{cached, configuration, configuration_with, keys, local, net, rows};
use crate::config::{Config, texts};
use crate::datasource::{Needs, none};
use crate::format::scalar::may_contain;
use crate::host::Level;
use crate::host::write::read_file;
use crate::instance::{DataKind, Instance};
use crate::limits::MAX_INFLATED;
use crate::module::{Frequency, Stage};
use crate::paths::State;
use crate::userdata::{self, Outcome};

/// The stage's steps.
pub(super) fn work(work: &mut Work<'_, '_>) {
    // What is looked for here may be anywhere in the network.
    let known = work.step("network", net::finish).flatten();
    let found = work.step("check-cache", |work| find(work, known));
    let instance = match found {
        Some(instance) => instance,
        // This process took over behind the step that died.
        None => cached(work.host, &work.state),
    };
    if let Some(instance) = instance {
        configure(work, &instance);
    }
}

/// The instance that `init --local` claimed, if it is not `known` yet; else one whose datasource needs the network; else, where the list allows it, none.
#[inline(never)]
fn find(work: &mut Work<'_, '_>, known: Option<Instance>) -> Option<Instance> {
    if let Some(instance) = known.or_else(|| cached(work.host, &work.state)) {
        work.send(&Record::Datasource(instance.description.clone()));
        return Some(instance);
    }
    let config = configuration(work, None);
    if let Some(instance) = local::search(work, &config, Needs::Network) {
        net::apply(work, Some(&instance), &config);
        return Some(instance);
    }
    let names = config.get("datasource_list").and_then(|value| texts(&value).ok()).unwrap_or_default();
    if !names.iter().any(|name| name == "None") {
        return None;
    }
    work.host.log(Level::Info, "datasource", &"going on with the datasource None: the image's own configuration");
    let instance = claim(work, none::candidate())?;
    work.send(&Record::Datasource(instance.description.clone()));
    Some(instance)
}

/// Carries out what the instance came with: its data, then `cloud_init_modules`.
pub(super) fn configure(work: &mut Work<'_, '_>, instance: &Instance) {
    let state = work.state.clone();
    let semaphore = semaphore::path(&state, &instance.id, "consume_data", Frequency::Instance).unwrap_or_default();
    let ran = semaphore::read(work.host.files(), &semaphore, &work.boot.boot_id).unwrap_or(Ran::No);
    if ran == Ran::Yes {
        work.step("boothooks", |work| {
            let handlers = userdata::has_part_handlers(work.host, &state, instance);
            let config =
                if handlers { configuration_with(work, Some(instance), &[DataKind::User]) } else { Config::default() };
            let outcome = userdata::repeat(work.host, &state, instance, &config, handlers);
            told(work, DataKind::User, outcome);
        });
    } else {
        let mut config = configuration(work, None);
        // The user's first: it may say what becomes of the vendor's, and the vendor's own have no say in that. Then as
        // cloud-init does: of two scripts of one name the second vendor-data's is left.
        for kind in [DataKind::User, DataKind::Vendor, DataKind::Vendor2] {
            if kind != DataKind::User
                && has_data(work, &state, instance, kind)
                && is_said(work, instance, DataKind::User, &VENDORS)
            {
                config = configuration_with(work, Some(instance), &[DataKind::User]);
            }
            work.step(&format!("consume-{}", kind.stem()), |work| {
                let outcome = userdata::consume(work.host, &state, instance, &config, kind);
                told(work, kind, outcome);
            });
        }
        // Told last: what the handlers leave is the same however often they run, and a crash in one kind of data must not
        // keep the others from being handled. After one the next boot tries again.
        work.step("consume-done", |work| {
            work.send(&Record::Changed);
            if !work.crashed {
                work.send(&Record::Complete(semaphore));
            }
        });
    }
    let config = configuration(work, Some(instance));
    if ran != Ran::Yes {
        let user = state.instance_file(&instance.id, DataKind::User.cloud_config_file());
        keys::check(work, &config, &user);
    }
    rows::run_with(work, instance, Stage::Init, &config);
}

fn has_data(work: &mut Work<'_, '_>, state: &State, instance: &Instance, kind: DataKind) -> bool {
    let path = state.instance_file(&instance.id, kind.raw_file());
    work.host.files().stat(&path, true).ok().flatten().is_some_and(|stat| stat.size > 0)
}

/// Keys of the user's cloud-config that may change what becomes of the vendor's data, or where its programs print.
const VENDORS: [&str; 4] = ["vendor_data", "system_info", "output", "def_log_file"];

/// True if the cloud-config that was made of this kind of data may have one of these keys, which stand in the merged file as they are: most do not,
/// and need not be read.
#[inline(never)]
pub(super) fn is_said(work: &mut Work<'_, '_>, instance: &Instance, kind: DataKind, keys: &[&str]) -> bool {
    let path = work.state.instance_file(&instance.id, kind.cloud_config_file());
    read_file(work.host.files(), &path, MAX_INFLATED).map_or(true, |text| {
        let text = text.unwrap_or_default();
        keys.iter().any(|key| may_contain(&text, key))
    })
}

/// Records what was wrong in one kind of data.
fn told(work: &mut Work<'_, '_>, kind: DataKind, outcome: Outcome) {
    for text in &outcome.warnings {
        work.warn(kind.stem(), text);
    }
    for error in &outcome.recoverable {
        work.recoverable(kind.stem(), error);
    }
    for error in &outcome.errors {
        work.error(kind.stem(), error);
    }
}
