//! Claiming an instance: its directory, the link, its data, its files, its cache. All of it is done again at each
//! boot and writes only what differs.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::record::Record;
use super::work::Work;
use super::{is_unwritable, move_state};
use crate::datasource::{Candidate, Data, DriveFile};
use crate::error::Error;
use crate::format::base64::{self, Padding};
use crate::format::stream::{self, relocated};
use crate::host::write::{
    Buffer, child, holds, read_file, read_text, write_changed, write_file, write_target, write_with,
};
use crate::host::{Create, Found, Host, Level, Tree};
use crate::instance::{DataKind, Instance};
use crate::limits::{MAX_DRIVE_FILE, MAX_METADATA, MAX_STATE_FILE, MAX_USER_DATA};
use crate::paths::{NO_PREVIOUS_INSTANCE, RUN_INSTANCE_ID, State, is_vital};

/// Directories of the state directory that people put things into, each behind the one that it is in.
const IMAGE_DIRS: [&str; 9] = [
    "handlers",
    "instances",
    "scripts",
    "scripts/per-boot",
    "scripts/per-instance",
    "scripts/per-once",
    "scripts/vendor",
    "seed",
    "sem",
];

/// Claims what a datasource found. An unwritable state directory moves to the run directory first.
pub(super) fn claim(work: &mut Work<'_, '_>, candidate: Candidate) -> Option<Instance> {
    let Candidate { instance, mut tree, data, files, recoverable } = candidate;
    odd(work, &instance, &recoverable);
    let mut kept = keep(work, &instance, &mut *tree, &data);
    if let Err(error) = &kept
        && is_unwritable(error)
        && work.state == State::default()
    {
        work.send(&Record::Error(format!("{error}")));
        match move_state(work.host, &work.boot.boot_id, error) {
            Ok(state) => {
                work.send(&Record::Moved(state.dir.clone()));
                work.state = state;
                kept = keep(work, &instance, &mut *tree, &data);
            }
            Err(error) => work.error("stage", &error),
        }
    }
    // Datasource and link are there: from here on the cache is this boot's.
    work.send(&Record::Datasource(instance.description.clone()));
    let kept = work.take("stage", kept);
    // None: nothing could be kept, not even in the run directory. What is new cannot be told then.
    if kept != Some(false) {
        write_drive_files(work, &mut *tree, &files);
    }
    if kept == Some(true) {
        let settled = settle(work, &instance, !files.is_empty());
        work.take("stage", settled);
    }
    work.host.log(Level::Debug, "stage", &format_args!("state of {} is in {}", instance.id, work.state.dir));
    if let Err(error) = tree.close() {
        work.warn("datasource", &error);
    }
    Some(instance)
}

/// Tells what is wrong with what a datasource found. Nothing of ours reads `random_seed`, so one that is no base64 costs nothing yet.
#[inline(never)]
fn odd(work: &mut Work<'_, '_>, instance: &Instance, recoverable: &[Error]) {
    for error in recoverable {
        work.recoverable("datasource", error);
    }
    let Some(seed) = instance.meta("random_seed") else { return };
    let decoded = seed.text().and_then(|text| {
        let mut sink = Buffer::new(text.len());
        stream::copy(&mut base64::reader(text.as_bytes(), Padding::Required), &mut sink).map_err(|error| {
            let at = seed.position();
            // Lines of a text are none of the JSON that it stands in.
            let broken = text.contains('\n');
            if broken { seed.error("base64 text") } else { relocated(error, at.source, (at.line, at.column)) }
        })
    });
    if let Err(error) = decoded {
        work.warn("datasource", &error);
    }
}

/// Says on disk that the instance is known, once what only a new one gets is there too.
fn settle(work: &mut Work<'_, '_>, instance: &Instance, has_files: bool) -> Result<(), Error> {
    if has_files {
        work.host.files().sync()?;
    }
    let (path, id) = (work.state.data("instance-id"), format!("{}\n", instance.id));
    write_file(work.host.files(), &path, &Create::mode(0o644).durable(), id.as_bytes())
}

/// Takes from a datasource in mode `pass` what it gives without being claimed: its files, unless this is the instance kept, and its
/// network ([`Work::passed`]).
#[inline(never)]
pub(super) fn pass(work: &mut Work<'_, '_>, candidate: Candidate) {
    let Candidate { instance, mut tree, files, recoverable, .. } = candidate;
    odd(work, &instance, &recoverable);
    let kept = read_text(work.host.files(), &work.state.data("instance-id"), MAX_STATE_FILE);
    if work.take("stage", kept).flatten().as_deref() != Some(instance.id.as_str()) {
        write_drive_files(work, &mut *tree, &files);
    }
    work.host.log(Level::Info, "datasource", &format_args!("{}: not claimed, its mode is pass", instance.description));
    if let Err(error) = tree.close() {
        work.warn("datasource", &error);
    }
    work.passed = Some(instance);
}

/// Writes everything that is kept of an instance. True if it is a new one.
fn keep(
    work: &mut Work<'_, '_>,
    instance: &Instance,
    tree: &mut dyn Tree,
    data: &[(DataKind, Data)],
) -> Result<bool, Error> {
    let state = work.state.clone();
    let host = &mut *work.host;
    let dir = state.instance_dir(&instance.id);
    let kept = read_text(host.files(), &state.data("instance-id"), MAX_STATE_FILE)?;
    let is_new = kept.as_deref() != Some(instance.id.as_str());
    let line = if is_new { "a new instance" } else { "the instance of the last boot" };
    host.log(Level::Info, "stage", &format_args!("{}: {} is {line}", instance.description, instance.id));

    // An instance may come back: then its directory is there, and what it holds counts.
    let is_first = is_new && host.files().stat(&dir, false)?.is_none();
    if is_new {
        for sub in IMAGE_DIRS {
            host.files().make_dir(&state.join(sub), 0o755)?;
        }
        for sub in ["", "/scripts", "/sem"] {
            host.files().make_dir(&[&dir, sub].concat(), 0o755)?;
        }
    }
    let mut changed = is_new;
    for &kind in &DataKind::ALL {
        let found = data.iter().find(|(of, _)| *of == kind).map(|(_, data)| data);
        let new = match read_data(tree, found) {
            Ok(new) => new,
            // The keys, the name and the network of the instance must not be lost with it. What was kept stays.
            Err(error) => {
                work.recoverable(kind.stem(), &error);
                if !is_new {
                    continue;
                }
                Cow::default()
            }
        };
        let host = &mut *work.host;
        let path = child(&dir, kind.raw_file());
        if is_first || !holds(host.files(), &path, &new).unwrap_or(false) {
            // Other data than the last time: its parts are handled anew. The semaphore goes first, so that a power cut
            // between the two does not leave new data that counts as handled.
            if !is_first {
                host.files().remove(&child(&dir, "sem/consume_data"))?;
            }
            changed = true;
            write_file(host.files(), &path, &Create::mode(0o600), &new)?;
        }
    }
    let mut cache = Buffer::new(4 * MAX_METADATA as usize);
    instance.save(&mut cache)?;
    let path = child(&dir, "obj.json");
    if is_first || !holds(work.host.files(), &path, &cache.bytes).unwrap_or(false) {
        // One of this version has other contents only if the datasource has.
        if !is_first && let Err(error) = Instance::load(work.host.files(), &path) {
            work.warn("stage", &format_args!("{error}; it is made anew"));
        }
        write_file(work.host.files(), &path, &Create::mode(0o400), &cache.bytes)?;
    }

    let host = &mut *work.host;
    let label = format!("{}: {}\n", instance.datasource, instance.description);
    let path = child(&dir, "datasource");
    let previous = if is_first { None } else { read_file(host.files(), &path, MAX_STATE_FILE)? };
    let previous = previous.and_then(|text| String::from_utf8(text).ok());
    let id = format!("{}\n", instance.id);
    let previous_id = format!("{}\n", kept.as_deref().unwrap_or(NO_PREVIOUS_INSTANCE));
    let plain = Create::mode(0o644);
    if previous.as_ref() != Some(&label) {
        write_file(host.files(), &path, &plain, label.as_bytes())?;
    }
    let mut put = |path: &str, how: &Create, text: &[u8]| match is_first {
        true => write_file(host.files(), path, how, text),
        false => write_changed(host, path, how, text).map(|_| ()),
    };
    put(&state.data("previous-datasource"), &plain, previous.as_ref().unwrap_or(&label).as_bytes())?;
    put(&state.data("previous-instance-id"), &plain, previous_id.as_bytes())?;
    put(RUN_INSTANCE_ID, &plain, id.as_bytes())?;
    if host.files().read_link(&state.instance_link())?.as_deref() != Some(dir.as_str()) {
        host.files().link(&state.instance_link(), &dir)?;
        changed = true;
    }
    if changed {
        work.send(&Record::Changed);
    }
    Ok(is_new)
}

/// The data whole; absent data is empty.
fn read_data<'a>(tree: &mut dyn Tree, data: Option<&'a Data>) -> Result<Cow<'a, [u8]>, Error> {
    let mut read = Buffer::new(MAX_USER_DATA as usize);
    match data {
        None => {}
        Some(Data::Bytes(bytes)) => return Ok(Cow::Borrowed(bytes)),
        Some(Data::File(file)) => {
            tree.read(file, MAX_USER_DATA, &mut read)?;
        }
    }
    Ok(Cow::Owned(read.bytes))
}

/// Writes the files that came with the drive; one that fails does not stop the next.
fn write_drive_files(work: &mut Work<'_, '_>, tree: &mut dyn Tree, files: &[DriveFile]) {
    for file in files {
        let written = write_drive_file(work.host, tree, file);
        if work.take("datasource", written).is_some() {
            work.host.log(Level::Info, "datasource", &format_args!("wrote {} from the drive", file.path));
        }
    }
}

/// Writes one file of the drive, through a link as the user's own files are.
fn write_drive_file(host: &mut dyn Host, tree: &mut dyn Tree, file: &DriveFile) -> Result<(), Error> {
    let (path, _) = write_target(host.files(), &file.path)?;
    // sshd takes no keys from a file that others may write.
    let mode = if path.ends_with("/.ssh/authorized_keys") { 0o600 } else { 0o660 };
    let how = Create { durable: is_vital(&path), ..Create::mode(mode) };
    write_with(host.files(), &path, &how, &mut |sink| match tree.read(&file.content, MAX_DRIVE_FILE, sink)? {
        Found::Absent => Err(Error::new("write", file.path.as_str(), format!("{} is not on the drive", file.content))),
        Found::Read(_) => Ok(()),
    })
}
