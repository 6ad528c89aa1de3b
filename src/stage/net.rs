//! The network of a boot: the config that is chosen, in files of the image's network service, and brought up.
//!
//! `init --local` renames NICs and writes files; the service that starts after it takes them up. `init` brings up what the service did not. Nothing
//! is looked at twice: a sum of all that the network is made from (documents, kernel command line, NICs with their names) stands in the
//! manifest, and a boot that finds it equal changes nothing. The image's own `/etc/network/interfaces` is read where nothing else says what the
//! network is to be, and has a sum for itself; where ifupdown reads it, it stays in force as it is, and wisp writes no file beside it.
//!
//! | | files | |
//! | --- | --- | --- |
//! | a new instance, or no manifest; `updates: {network: {when: [boot]}}` | all that do not hold what they should | what is not ours is moved aside |
//! | another config or other NICs, same instance | those that would be other ones than the last time | what a person changed in the others stays |
//! | nothing new | none | |
//! | a new instance whose network is left alone | those of the last one go | what was changed since wisp wrote it stays |
//!
//! Left alone is what is disabled, or has neither a config nor a NIC. Files of the last instance are stale there too; who wants files in an image
//! changes them, or has others. The file `data/upgraded-network` says that the files which are there were taken over, whoever wrote them: there
//! they stay. So they do where no instance is found.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::network::is_said;
use super::record::Record;
use super::renew;
use super::work::Work;
use super::{cached, configuration};
use crate::config::{Config, texts};
use crate::error::Error;
use crate::format::doc::{Doc, Sources, Value};
use crate::format::emit::{self, Json};
use crate::format::json;
use crate::gather::Gather;
use crate::host::links::{Mac, Nic};
use crate::host::write::{Buffer, is_there, read_file, read_text, write_changed, write_file};
use crate::host::{Create, Host, Level};
use crate::instance::{DataKind, DsMode, Instance};
use crate::limits::{MAX_METADATA, MAX_STATE_FILE};
use crate::net::choose::{self, Candidates, Choice, Initramfs, Origin};
use crate::net::manifest::{AREA, Digest, Exchange, Manifest, Wanted};
use crate::net::render::{self, Image, Input, LIVE, Renderer};
use crate::net::{NetConfig, Report, activate, devices, dump, extra, live, rename, resolve, root};
use crate::paths::{self, NETWORK_PENDING as PENDING, file_name};

mod dhcp;

/// What a network is made from besides the documents of the configuration and the instance.
#[derive(Default)]
struct Inputs {
    upgraded: bool,
    initramfs: Initramfs,
    /// The datasource's network in ENI form, with its name.
    eni: Option<(String, String)>,
    /// `network-config=` of the kernel command line, and the plan of `ws_virt_network_dep`, with their texts.
    sources: Sources,
    document: Option<Doc>,
    plan: Option<Doc>,
}

/// Whose network it is: nobody's where there is only the image's own configuration.
struct Owner<'a> {
    instance: Option<&'a Instance>,
    config: &'a Config,
}

/// The step of `init --local`, and of whoever changes what the network is made from: writes what is to be written, and in a later stage brings it up.
pub(super) fn apply(work: &mut Work<'_, '_>, instance: Option<&Instance>, config: &Config) {
    let passed = work.passed.take();
    let instance = instance.filter(|instance| !instance.is_none()).or(passed.as_ref());
    let mut report = Report::default();
    let done = settle(work, &Owner { instance, config }, &mut report);
    tell(work, report);
    let done = work.take(AREA, done);
    if work.boot.name != "init-local"
        && done.is_some()
        && let Some(pending) = pending(work).filter(|pending| !pending.is_empty())
    {
        bring_up(work, &pending, instance, config);
    }
    work.passed = passed;
}

/// The first step of `init`: what `init --local` left to do. Returned is the instance, if it had to be looked at.
pub(super) fn finish(work: &mut Work<'_, '_>) -> Option<Instance> {
    let pending = pending(work)?;
    let config = configuration(work, None);
    let instance = cached(work.host, &work.state);
    if pending.is_empty() {
        apply(work, instance.as_ref(), &config);
    } else {
        bring_up(work, &pending, instance.as_ref(), &config);
    }
    instance
}

/// What is to be brought up, empty if the files were not finished; `None`: all is done.
fn pending(work: &mut Work<'_, '_>) -> Option<String> {
    let pending = read_text(work.host.files(), PENDING, MAX_STATE_FILE);
    work.take(AREA, pending)?
}

/// Brings up what is to be brought up.
fn bring_up(work: &mut Work<'_, '_>, pending: &str, instance: Option<&Instance>, config: &Config) {
    let mut report = Report::default();
    let done = match pending {
        LIVE => by_netlink(work, instance, config, &mut report),
        wishes => by_service(work.host, wishes, config, &mut report),
    };
    tell(work, report);
    let done = done.and_then(|()| work.host.files().remove(PENDING));
    work.take(AREA, done);
}

#[inline(never)]
fn by_service(host: &mut dyn Host, wishes: &str, config: &Config, report: &mut Report) -> Result<(), Error> {
    let wanted = listed(config, "system_info.network.activators", report);
    match activate::select(wanted.as_deref(), host.files(), report)? {
        Some(by) => {
            let nics = host.links().list()?;
            let kept = root::carriers(host.files(), &nics)?;
            activate::bring_up(host, by, wishes, (&nics, &kept), report)
        }
        None => {
            report.told("no program there brings links up: they come up with the image's network service".into());
            Ok(())
        }
    }
}

/// By netlink alone, where the image has no network service.
#[inline(never)]
fn by_netlink(
    work: &mut Work<'_, '_>,
    instance: Option<&Instance>,
    config: &Config,
    report: &mut Report,
) -> Result<(), Error> {
    let unclaimed = if instance.is_none() { unclaimed(work.host) } else { None };
    let owner = Owner { instance: instance.or(unclaimed.as_ref()), config };
    let (mut inputs, _) = gather(work, owner.instance, report)?;
    let nics = work.host.links().list()?;
    // What is wrong with it was told when it was first chosen, by the names of the files that it came from. No file is listed: the kernel is told.
    let chosen = chosen(work, &mut inputs, &owner, (&nics, &[]), &mut Report::default());
    let Some((network, ..)) = chosen else { return Ok(()) };
    work.host.log(Level::Info, AREA, &"no network service here: the kernel is told");
    let kept = root::carriers(work.host.files(), &nics)?;
    let mut servers = dhcp::Servers::default();
    servers.leases.base = live::bring_up(&network, &kept, work.host, &mut servers, report)?;
    renew::hand_over(work.host, &servers.leases, work.boot.options.another_root)
}

/// The network that `init --local` chose where there is no instance: that of a drive of mode `pass` is nowhere else.
#[inline(never)]
fn unclaimed(host: &mut dyn Host) -> Option<Instance> {
    let text = read_file(host.files(), &run_config(), MAX_METADATA).ok()??;
    let mut instance = Instance::none();
    instance.network = instance.add_document(&run_config(), text).ok();
    Some(instance)
}

/// What was wrong becomes the stage's: what was left out makes it degraded, and the rest of the network comes up.
fn tell(work: &mut Work<'_, '_>, report: Report) {
    for error in &report.errors {
        work.recoverable(AREA, error);
    }
    for text in &report.warnings {
        work.warn(AREA, text);
    }
    if report.untold > 0 {
        work.warn(AREA, &format_args!("{} more things are wrong with the network config", report.untold));
    }
}

/// A list of names in the configuration.
fn listed(config: &Config, key: &str, report: &mut Report) -> Option<Vec<String>> {
    config.get(key).and_then(|value| report.take(texts(&value)))
}

/// Reads what there is, and the sum of it all but the NICs.
#[inline(never)]
fn gather(
    work: &mut Work<'_, '_>,
    instance: Option<&Instance>,
    report: &mut Report,
) -> Result<(Inputs, Digest), Error> {
    let mut inputs = Inputs::default();
    let mut digest = Digest::default();
    let command_line = &work.boot.command_line;
    inputs.upgraded = is_there(work.host.files(), &work.state.data(paths::UPGRADED_NETWORK));
    inputs.initramfs = choose::read_initramfs(work.host.files())?;
    digest.add(command_line.as_bytes());
    for (path, text) in inputs.initramfs.files.iter().flat_map(|(_, files)| files) {
        digest.add(path.as_bytes());
        digest.add(text.as_bytes());
    }
    digest.add(&[u8::from(inputs.upgraded), u8::from(inputs.initramfs.iscsi)]);
    let Some(instance) = instance else { return Ok((inputs, digest)) };
    digest.add(instance.id.as_bytes());
    digest.add(instance.eni.as_deref().unwrap_or_default().as_bytes());
    if let Some(document) = instance.document(instance.network) {
        emit::json(&document, None, &mut digest)?;
    }
    let path = work.state.instance_file(&instance.id, paths::VIRT_NETWORK);
    if let Some(plan) = read_file(work.host.files(), &path, MAX_STATE_FILE)? {
        digest.add(&plan);
        let source = inputs.sources.add(path.as_str(), plan);
        let read = json::parse(inputs.sources.text(source), source);
        inputs.plan = report.take(read.map_err(|error| Error::new("read", path, error)));
    }
    Ok((inputs, digest))
}

/// Adds what the configuration says, and the NICs.
#[inline(never)]
fn stamp(work: &mut Work<'_, '_>, mut digest: Digest, config: &Config) -> Result<u64, Error> {
    for key in ["network", "system_info.network"] {
        if let Some(value) = config.get(key) {
            emit::json(&value, None, &mut digest)?;
        }
    }
    let names = work.host.links().names()?;
    let mut twins = false;
    for (at, (name, mac)) in names.iter().enumerate() {
        digest.add(name.as_bytes());
        digest.add(mac.as_ref().map_or(&[0], |mac| mac.bytes()));
        twins |= mac.is_some() && names[..at].iter().any(|(_, other)| other == mac);
    }
    if twins {
        // Which of them has which name: their places tell.
        let nics = work.host.links().list()?;
        for nic in &nics {
            digest.add(nic.name.as_bytes());
            digest.add(nic.bus_path.as_deref().unwrap_or_default().as_bytes());
        }
    }
    // 0 stands for none.
    Ok(digest.0.max(1))
}

#[inline(never)]
fn eni(instance: &Instance) -> Option<(String, String)> {
    Some((format!("{}: network_config", instance.source), instance.eni.clone()?))
}

/// Chooses, adds the plan, and finds the NICs. `None`: the network is left alone.
#[inline(never)]
fn chosen<'a, 'b: 'a>(
    work: &mut Work<'_, 'b>,
    inputs: &'a mut Inputs,
    owner: &Owner<'a>,
    (nics, own): (&'a [Nic], &'a [(String, u64)]),
    report: &mut Report,
) -> Option<(NetConfig, Option<Value<'a>>, Origin)> {
    let read = choose::command_line_document(&work.boot.command_line, &mut inputs.sources);
    inputs.document = report.take(read).flatten();
    let initramfs = core::mem::take(&mut inputs.initramfs);
    inputs.eni = owner.instance.and_then(eni);
    let inputs = &*inputs;
    let network_data = owner.instance.and_then(|instance| instance.document(instance.network));
    let candidates = Candidates {
        upgraded: inputs.upgraded,
        command_line: &work.boot.command_line,
        document: inputs.document.as_ref().and_then(|doc| doc.value(&inputs.sources)),
        initramfs,
        system: owner.config.get("network"),
        datasource: network_data,
        datasource_eni: inputs.eni.as_slice(),
        own,
        nics,
    };
    let (mut config, origin, mut document) = match choose::choose(&candidates, work.host.files(), report) {
        Choice::Config(config, origin, document) => (config, origin, document),
        Choice::Disabled(origin) => {
            work.host.log(Level::Info, AREA, &format_args!("left alone: it is disabled by {}", origin.word()));
            return None;
        }
        Choice::Nothing => {
            work.host.log(Level::Info, AREA, &"left alone: there is no config, and no NIC to ask on");
            return None;
        }
    };
    if let Some(plan) = inputs.plan.as_ref().and_then(|doc| doc.value(&inputs.sources)) {
        extra::add(&mut config, &plan, network_data.as_ref(), report);
        // What was written does not have it.
        document = None;
    }
    if let Some(devices) = owner.instance.and_then(|instance| instance.meta("devices")) {
        devices::tell_apart(&mut config, &devices, nics);
    }
    resolve::resolve(&mut config, nics, report);
    Some((config, document, origin))
}

/// Makes names and files what they are to be, if anything they are made from has changed.
#[inline(never)]
fn settle(work: &mut Work<'_, '_>, owner: &Owner<'_>, report: &mut Report) -> Result<(), Error> {
    let (mut inputs, digest) = gather(work, owner.instance, report)?;
    let path = work.state.data(paths::NETWORK_MANIFEST);
    let old = Manifest::load(work.host.files(), &path);
    let id = owner.instance.map_or(String::new(), |instance| file_name(&instance.id));
    if work.crashed && owner.instance.is_none() && old.instance.is_some() {
        // Whose the machine is could not be found out.
        return Ok(());
    }
    let each_boot = each_boot(work, owner);
    if !each_boot
        && stamp(work, digest, owner.config)? == old.stamp
        && (old.image == 0 || choose::image::sum(work.host.files(), &old.files, &mut Report::default()) == old.image)
    {
        work.host.log(Level::Debug, AREA, &"as it was at the last boot");
        if old.renderer == LIVE {
            pend(work.host, LIVE)?;
        }
        return link_config(work, owner.instance);
    }
    // Later in a boot the links may have what the files of this boot brought them.
    let first = work.boot.name == "init-local"
        || is_there(work.host.files(), PENDING)
        || !is_there(work.host.files(), &run_config());
    // Until all is done `init` has everything to do.
    pend(work.host, "")?;
    let mut nics = work.host.links().list()?;
    if lacks_a_nic(owner.instance, &nics) && activate::settle(work.host) {
        nics = work.host.links().list()?;
    }
    let (has_plan, upgraded) = (inputs.plan.is_some(), inputs.upgraded);
    let Some((mut config, document, origin)) = chosen(work, &mut inputs, owner, (&nics, &old.files), report) else {
        if old.instance.as_ref().is_some_and(|last| *last != id) && owner.instance.is_some() && !upgraded {
            let next = Manifest { instance: Some(id), ..Manifest::default() };
            if exchange(work, &old, &next, &[], None, report)?.is_some() {
                next.save(work.host.files(), &path, false)?;
            }
        }
        return work.host.files().remove(PENDING).map(|_| ());
    };
    work.host.log(Level::Info, AREA, &format_args!("the network config is that of {}", origin.word()));
    let left_alone = root::carriers(work.host.files(), &nics)?;
    let plan = rename::plan(&config, &nics, &left_alone, report);
    rename::carry_out(&plan, work.host.links(), report);
    let done = write_config(work, owner.instance, &config);
    work.take(AREA, done);

    let wanted = listed(owner.config, "system_info.network.renderers", report);
    let renderer = render::select(wanted.as_deref(), work.host.files(), report)?;
    if let Some(renderer) = renderer {
        renderer.await_absent(&mut config);
    }
    let in_force = origin == Origin::Image && renderer.is_some_and(|renderer| renderer.name == "eni");
    let files = match in_force {
        true => Vec::new(),
        false => rendered(work.host, renderer, &config, document, report)?,
    };
    if in_force && has_plan {
        report.told("the image's own network stays as it is: ws_virt_network_dep is for this boot only".into());
    }
    let anew = each_boot || !old.is_of(Some(&id));
    let mut next = Manifest {
        stamp: 0,
        renderer: renderer.map_or(LIVE, |renderer| renderer.name).into(),
        files: files.iter().map(|(path, _, text)| (path.clone(), Digest::of(text.as_bytes()))).gather(),
        instance: Some(id),
        image: 0,
    };
    let changed =
        exchange(work, &old, &next, &files, Some((anew, &nics, &config)), report)?.map(|changed| changed || in_force);
    if matches!(origin, Origin::Image | Origin::Fallback) {
        // What is wrong in files that are not taken is nobody's fault, and in those that stay in force it is ifupdown's to tell.
        let mut untold = Report::default();
        let told = if origin == Origin::Image && !in_force { report } else { &mut untold };
        next.image = choose::image::sum(work.host.files(), &next.files, told);
    }
    let renamed = stamp(work, digest, owner.config)?;
    if changed.is_some() {
        next.stamp = renamed;
        if next != old {
            next.save(work.host.files(), &path, false)?;
        }
    }
    match (renderer, changed) {
        (None, _) => pend(work.host, LIVE),
        (Some(_), Some(false)) => work.host.files().remove(PENDING).map(|_| ()),
        (Some(_), _) => {
            let on_links = first && origin != Origin::Initramfs;
            let addresses = if on_links { work.host.links().addresses()? } else { Vec::new() };
            let wishes = activate::wishes(&config, &addresses, work.host.files());
            pend(work.host, &wishes)
        }
    }
}

/// Whether `updates.network.when` has `boot`, in the image's configuration or in what the instance came with and an earlier boot has kept.
#[inline(never)]
fn each_boot(work: &mut Work<'_, '_>, owner: &Owner<'_>) -> bool {
    let says = |config: &Config| {
        let when = config.get("updates.network.when");
        when.is_some_and(|when| when.items().any(|word| word.is_text("boot")))
    };
    let kinds = [DataKind::User, DataKind::Vendor, DataKind::Vendor2];
    let kept = owner.instance.filter(|instance| kinds.iter().any(|kind| is_said(work, instance, *kind, &["updates"])));
    match kept {
        Some(instance) => says(&configuration(work, Some(instance))),
        None => says(owner.config),
    }
}

/// Whether `network_data.json` names a NIC that is not there (yet).
fn lacks_a_nic(instance: Option<&Instance>, nics: &[Nic]) -> bool {
    let links = instance.and_then(|instance| instance.document(instance.network)?.get("links"));
    let made = |link: &Value<'_>| link.get("type").is_some_and(|kind| kind.is_text("bond") || kind.is_text("vlan"));
    let lacks = |link: &Value<'_>| {
        let mac = link.get("ethernet_mac_address").and_then(|mac| Mac::parse(&mac.text().ok()?));
        mac.is_some_and(|mac| nics.iter().all(|nic| nic.own_mac() != Some(&mac) && nic.mac.as_ref() != Some(&mac)))
    };
    links.is_some_and(|links| links.items().any(|link| !made(&link) && lacks(&link)))
}

fn pend(host: &mut dyn Host, what: &str) -> Result<(), Error> {
    write_file(host.files(), PENDING, &Create::mode(0o600), what.as_bytes())
}

/// What the renderer writes; nothing without one.
#[inline(never)]
fn rendered(
    host: &mut dyn Host,
    renderer: Option<&Renderer>,
    config: &NetConfig,
    document: Option<Value<'_>>,
    report: &mut Report,
) -> Result<Vec<Wanted>, Error> {
    let mut files = Vec::new();
    if let Some(renderer) = renderer {
        let image = Image::look(host.files())?;
        let input = Input { config, document, image: &image };
        renderer.tell(&input, report);
        (renderer.render)(&input, &mut |path, mode, text| {
            files.push((path.into(), mode, text.into()));
            Ok(())
        })?;
    }
    Ok(files)
}

/// Exchanges the files of the manifest `old` for those of `next`, of this config or of a network that is left alone; whether any is another one now,
/// `None` where one could not be written.
#[inline(never)]
fn exchange(
    work: &mut Work<'_, '_>,
    old: &Manifest,
    next: &Manifest,
    files: &[Wanted],
    of: Option<(bool, &[Nic], &NetConfig)>,
    report: &mut Report,
) -> Result<Option<bool>, Error> {
    let anew = of.is_some_and(|(anew, ..)| anew);
    if !anew && old.stamp != 0 && old.files == next.files {
        return Ok(Some(false));
    }
    // The one that is not finished is still the last one's.
    let mut both = Manifest { stamp: 0, ..old.clone() };
    both.files.extend(next.files.iter().filter(|file| !old.files.contains(file)).cloned());
    // Where there are none, nothing is begun that another boot would have to know of.
    if !both.files.is_empty() && (both != *old || anew) {
        let path = work.state.data(paths::NETWORK_MANIFEST);
        let done = both.save(work.host.files(), &path, true);
        work.take(AREA, done);
    }
    work.send(&Record::Changed);
    let aside = match next.instance.as_deref() {
        Some(id) if is_there(work.host.files(), &work.state.instance_dir(id)) => {
            work.state.instance_file(id, paths::NETWORK_OLD)
        }
        _ => work.state.data(paths::NETWORK_OLD),
    };
    let mut exchange =
        Exchange { host: work.host, old, left_alone: of.is_none(), aside: &aside, report, errors: Vec::new() };
    let mut changed = false;
    for (file, sum) in files.iter().zip(&next.files) {
        if anew || old.stamp == 0 || !old.files.contains(sum) {
            changed |= exchange.put(file);
        }
    }
    for (path, _) in &old.files {
        if !files.iter().any(|(wanted, ..)| wanted == path) {
            let done = exchange.drop(path);
            exchange.errors.extend(done.err());
            changed = true;
        }
    }
    if let Some((true, nics, config)) = of {
        // Without a manifest the image was another machine's.
        let of_another = (!old.is_of(next.instance.as_deref())).then_some(config);
        match exchange.clear(nics, of_another, files) {
            Ok(moved) => changed |= moved,
            Err(error) => exchange.errors.push(error),
        }
    }
    let errors = exchange.errors;
    let failed = !errors.is_empty();
    for error in &errors {
        work.error(AREA, error);
    }
    // The manifest says that the files are as they should be.
    work.host.files().sync()?;
    Ok((!failed).then_some(changed))
}

/// Writes the config in force as JSON: in the directory of the instance, if it was claimed.
#[inline(never)]
fn write_config(work: &mut Work<'_, '_>, instance: Option<&Instance>, config: &NetConfig) -> Result<(), Error> {
    let mut text = Buffer::new(MAX_METADATA as usize);
    let mut json = Json::new(&mut text, Some(1));
    dump::v2(config, &mut json)?;
    json.finish()?;
    let claimed = instance.filter(|instance| instance.mode != DsMode::Pass);
    let path = match claimed {
        Some(instance) => work.state.instance_file(&instance.id, paths::NETWORK_CONFIG),
        None => run_config(),
    };
    write_changed(work.host, &path, &Create::mode(0o600), &text.bytes)?;
    link_config(work, instance)
}

fn run_config() -> String {
    [paths::RUN_DIR, "/", paths::NETWORK_CONFIG].concat()
}

/// The run directory has a link to it.
fn link_config(work: &mut Work<'_, '_>, instance: Option<&Instance>) -> Result<(), Error> {
    let Some(instance) = instance.filter(|instance| instance.mode != DsMode::Pass) else { return Ok(()) };
    let (link, target) = (run_config(), work.state.instance_file(&instance.id, paths::NETWORK_CONFIG));
    if work.host.files().read_link(&link)?.as_deref() == Some(target.as_str()) {
        return Ok(());
    }
    work.host.files().link(&link, &target)
}
