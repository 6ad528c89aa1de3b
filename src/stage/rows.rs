//! Running config modules: the list of cloud.cfg, the semaphore of each, and the rows of the table.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::record::Record;
use super::semaphore::{self, Ran};
use super::work::Work;
use super::{cached, configuration, layers, net};
use crate::config::Config;
use crate::error::Error;
use crate::format::doc::Value;
use crate::gather::Gather;
use crate::host::Level;
use crate::instance::Instance;
use crate::module::{self, Context, Frequency, Module, Rerun, Stage};
use crate::paths::State;

/// One entry of a module list.
struct Entry<'a> {
    name: String,
    frequency: Option<Frequency>,
    args: Vec<String>,
    /// Where it stands; none without a list in cloud.cfg.
    item: Option<Value<'a>>,
}

/// `modules --mode MODE`.
pub(super) fn stage(work: &mut Work<'_, '_>, mode: Stage) {
    if let Some(instance) = claimed(work) {
        run(work, &instance, mode);
    }
}

/// The instance that `init` claimed, or an error that says what to do.
fn claimed(work: &mut Work<'_, '_>) -> Option<Instance> {
    let instance = cached(work.host, &work.state);
    match &instance {
        Some(instance) => work.send(&Record::Datasource(instance.description.clone())),
        None => {
            work.send(&Record::NoDatasource);
            let link = work.state.instance_link();
            work.error(
                "stage",
                &format_args!("no instance in {link}: run `cloud-init init --local` and `cloud-init init` first"),
            );
        }
    }
    instance
}

/// Runs the list of `mode`, one step an entry.
pub(super) fn run(work: &mut Work<'_, '_>, instance: &Instance, mode: Stage) {
    let config = configuration(work, Some(instance));
    run_with(work, instance, mode, &config);
}

/// [`run`] with the configuration at hand.
pub(super) fn run_with(work: &mut Work<'_, '_>, instance: &Instance, mode: Stage, config: &Config) {
    let state = work.state.clone();
    for entry in entries(work, config, mode) {
        match module::find(&entry.name) {
            Some(row) => {
                work.step(&format!("config-{}", row.name), |work| {
                    let frequency = entry.frequency.unwrap_or(row.every);
                    one(work, instance, config, &state, row, frequency, entry.args);
                });
            }
            None => unknown(work, config, &entry),
        }
    }
}

/// The host name alone, whatever the list says and without a semaphore.
pub(super) fn set_hostname(work: &mut Work<'_, '_>, instance: &Instance, config: &Config) {
    let Some(row) = module::find("set_hostname") else { return };
    let state = work.state.clone();
    with_context(work, Setting { instance, config, state: &state }, row, &[], false, |context| (row.run)(context));
}

/// `single`: one module by its name.
pub(super) fn single(work: &mut Work<'_, '_>, name: &str, frequency: Option<Frequency>, args: &[String]) {
    let Some(instance) = claimed(work) else { return };
    let config = configuration(work, Some(&instance));
    let state = work.state.clone();
    match module::find(name) {
        Some(row) => {
            work.step(&format!("config-{}", row.name), |work| {
                let frequency = frequency.unwrap_or(row.every);
                one(work, &instance, &config, &state, row, frequency, args.to_vec());
            });
        }
        None => {
            let known: Vec<_> = module::TABLE.iter().map(|row| row.name).gather();
            work.error("single", &format_args!("no module `{name}`; there are: {}", known.join(", ")));
        }
    }
}

/// A name in a list that is no row: quiet where packaged lists have it, unless the config asks for its work.
#[inline(never)]
fn unknown(work: &mut Work<'_, '_>, config: &Config, entry: &Entry<'_>) {
    let name = &*entry.name;
    let wanted = name.replace('-', "_");
    let Some(keys) = module::known(name) else {
        let at = entry.item.map(|item| item.position().to_string()).unwrap_or_default();
        return work.warn("stage", &format_args!("{at}: no module `{name}`"));
    };
    match keys.iter().find(|key| config.get(key).is_some()) {
        Some(key) => work.warn("stage", &format_args!("the config has `{key}`, but module {wanted} is not supported")),
        None => work.host.log(Level::Debug, "stage", &format_args!("module {wanted} is not supported: passed over")),
    }
}

/// The entries of the list in cloud.cfg, one that cannot be read is a warning; without a list all modules of the stage.
#[inline(never)]
fn entries<'a>(work: &mut Work<'_, '_>, config: &'a Config, mode: Stage) -> Vec<Entry<'a>> {
    let mut list = Vec::new();
    let Some(value) = config.get(mode.key()) else {
        for row in module::TABLE.iter().filter(|row| row.stage == mode) {
            list.push(Entry { name: row.name.into(), frequency: None, args: Vec::new(), item: None });
        }
        return list;
    };
    if !value.is_sequence() {
        work.warn("stage", &value.error("a list of modules"));
    }
    for item in value.items() {
        match entry(&item) {
            Ok((entry, None)) => list.push(entry),
            Ok((entry, Some(word))) => {
                let at = item.position();
                let name = &entry.name;
                work.warn(
                    "stage",
                    &format_args!(
                        "{at}: module {name}: no frequency `{word}` (always, once-per-instance, once): its own is used"
                    ),
                );
                list.push(entry);
            }
            Err(error) => work.warn("stage", &error),
        }
    }
    list
}

/// `name`, `[name, frequency, args…]` or `{name, frequency, args}`; the second value is a frequency that does not exist.
#[inline(never)]
fn entry<'a>(item: &Value<'a>) -> Result<(Entry<'a>, Option<String>), Error> {
    let (name, word, args) = if item.is_sequence() {
        let mut parts = item.items();
        let name = parts.next().ok_or_else(|| item.error("a module's name"))?;
        let word = parts.next().filter(|word| !word.is_null());
        let mut args = Vec::new();
        for arg in parts {
            args.push(arg.text()?);
        }
        (name, word, args)
    } else if item.is_mapping() {
        let name = item.get("name").ok_or_else(|| item.error("`name`, a module's name"))?;
        let args = item.get("args").map_or(Ok(Vec::new()), |args| crate::config::texts(&args))?;
        (name, item.get("frequency").filter(|word| !word.is_null()), args)
    } else {
        (*item, None, Vec::new())
    };
    let word = word.map(|word| word.text()).transpose()?;
    let frequency = word.as_deref().and_then(Frequency::from_word);
    let bad = word.filter(|_| frequency.is_none());
    Ok((Entry { name: name.text()?, frequency, args, item: Some(*item) }, bad))
}

/// Runs one row under its semaphore.
fn one(
    work: &mut Work<'_, '_>,
    instance: &Instance,
    config: &Config,
    state: &State,
    row: &'static Module,
    frequency: Frequency,
    args: Vec<String>,
) {
    let setting = Setting { instance, config, state };
    if !row.keys.is_empty() && config.get_any(row.keys).is_none() {
        return work.host.log(
            Level::Debug,
            row.name,
            &format_args!("nothing in the config for it ({})", row.keys.join(", ")),
        );
    }
    let semaphore = semaphore::path(state, &instance.id, &format!("config_{}", row.name), frequency);
    let ran = semaphore.as_deref().map_or(Ran::No, |path| look(work, row, path));
    if ran == Ran::Yes {
        return work.host.log(Level::Debug, row.name, &"already ran");
    }
    let idle = with_context(work, setting, row, &args, false, |context| {
        row.has_work.is_some_and(|has_work| !has_work(context))
    });
    let rerun = if idle { Rerun::Safe } else { row.rerun };
    if let Some(path) = &semaphore
        && !enter(work, row, path, rerun, ran)
    {
        return;
    }
    let resumed = ran == Ran::Interrupted;
    work.host.log(Level::Debug, row.name, &format_args!("runs, frequency {}", frequency.word()));
    if semaphore.is_some() || rerun != Rerun::Safe {
        work.send(&Record::Changed);
    }
    if let Some(path) = semaphore {
        // Told before it runs: whether it fails or takes this process with it, it is not tried again.
        work.send(&if rerun == Rerun::Safe { Record::Complete(path) } else { Record::Mark(path) });
    }
    // Of a row that must not be run twice all of the work is of that kind, and it has been looked for just now.
    if !(idle && row.rerun == Rerun::Never) {
        let renewed = with_context(work, setting, row, &args, resumed, |context| {
            (row.run)(context);
            context.renews_network
        });
        if renewed {
            let config = layers(work, None, &[]);
            net::apply(work, Some(instance), &config);
        }
    }
}

/// What the semaphore says. One that cannot be read counts as run, where running twice does harm.
fn look(work: &mut Work<'_, '_>, row: &Module, path: &str) -> Ran {
    match semaphore::read(work.host.files(), path, &work.boot.boot_id) {
        Ok(ran) => ran,
        Err(error) => {
            work.warn(row.name, &error);
            if row.rerun == Rerun::Safe { Ran::No } else { Ran::Yes }
        }
    }
}

/// Takes the semaphore if the run must not be repeated. False if the row is not to run.
fn enter(work: &mut Work<'_, '_>, row: &Module, path: &str, rerun: Rerun, ran: Ran) -> bool {
    if ran == Ran::Interrupted && rerun == Rerun::Never {
        work.warn(
            row.name,
            &format_args!("an earlier boot was interrupted in it; it is not run again (remove {path} to have it run)"),
        );
        work.send(&Record::Mark(path.to_string()));
        return false;
    }
    if ran == Ran::Interrupted {
        work.host.log(Level::Info, row.name, &"an earlier boot was interrupted in it: run again");
    }
    // Without its semaphore it would run at every boot.
    rerun == Rerun::Safe || {
        let taken = semaphore::take(work.host, path, &work.boot.boot_id);
        work.take(row.name, taken).is_some()
    }
}

/// What every row of a run has in common.
#[derive(Clone, Copy)]
struct Setting<'a> {
    instance: &'a Instance,
    config: &'a Config,
    state: &'a State,
}

/// Lets `does` work in the context of a row: its faults become the stage's.
fn with_context<T>(
    work: &mut Work<'_, '_>,
    setting: Setting<'_>,
    row: &'static Module,
    args: &[String],
    resumed: bool,
    does: impl FnOnce(&mut Context<'_>) -> T,
) -> T {
    let (host, progress) = work.parts();
    let mut faults = |level, text: &str| {
        let text = format!("{}: {text}", row.name);
        let record = if level == Level::Error { Record::Error(text) } else { Record::Warning(text) };
        record.send(progress);
    };
    let args = args.to_vec();
    let Setting { instance, config, state } = setting;
    does(&mut Context {
        host,
        config,
        instance,
        state,
        args,
        name: row.name,
        resumed,
        renews_network: false,
        faults: &mut faults,
    })
}
