//! Modules `write_files` and `write_files_deferred`: files whose content stands in the cloud-config.
//!
//! `write_files` is a list; `write_files_deferred` does those entries in the final stage that have `defer: true`, when users and
//! packages are there. An entry:
//!
//! | key | value |
//! | --- | --- |
//! | `path` | where it goes; a relative one hangs below `/`. Missing directories are made, 0755 |
//! | `content` | text or `!!binary`; nothing is an empty file |
//! | `encoding` | `b64` `base64` · `gz` `gzip` · `gz+b64` `gz+base64` `gzip+b64` `gzip+base64` · `text/plain` (the default, also for a word that is not known, with a warning) |
//! | `owner` | `user:group`, names or numbers; `root:root`; of what is left out, as it is |
//! | `permissions` | text, read as octal, or a number as YAML has it (`0644` is 420 is `rw-r--r--`); 0644 |
//! | `append` | add to what is there |
//! | `defer` | do it in the final stage |
//!
//! `source` (content from a URI) is not supported: such an entry is an error.
//!
//! Content is streamed: a chain of small readers, never a second copy. A link at `path` is followed, unless it leads to an
//! executable of another name ([`write_target`]). A device or pipe is written to as it stands.
//!
//! Source: cloud-init's page "Module reference", Write Files.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt;

use super::Context;
use crate::config::truth;
use crate::error::{Cause, Errno, Error};
use crate::format::base64::{Base64Reader, Padding};
use crate::format::doc::{Position, Value};
use crate::format::gzip::GzipReader;
use crate::format::scalar::Scalar;
use crate::format::stream::copy;
use crate::host::accounts::Accounts;
use crate::host::append::append_with;
use crate::host::write::{Buffer, absolute, read_file, write_target, write_with};
use crate::host::{Create, Files, Kind, Reader, Sink, Stat};
use crate::limits::{MAX_APPEND_COPY, MAX_INFLATED, MAX_ITEM_ERRORS};
use crate::paths::is_vital;

const DEFAULT_MODE: u32 = 0o644;

/// The entries without `defer`.
pub fn run(context: &mut Context<'_>) {
    write_all(context, false);
}

/// The entries with `defer: true`.
pub fn run_deferred(context: &mut Context<'_>) {
    write_all(context, true);
}

/// True if an entry without `defer` appends: all else may be written twice.
pub fn appends(context: &mut Context<'_>) -> bool {
    any_appends(context, false)
}

/// The same of the entries with `defer: true`.
pub fn appends_deferred(context: &mut Context<'_>) -> bool {
    any_appends(context, true)
}

fn any_appends(context: &mut Context<'_>, deferred: bool) -> bool {
    let says = |item: &Value<'_>, key: &str| item.get(key).is_some_and(|value| truth(&value));
    let list = context.get(&["write_files"]);
    list.is_some_and(|list| list.items().any(|item| says(&item, "append") && says(&item, "defer") == deferred))
}

fn write_all(context: &mut Context<'_>, deferred: bool) {
    let Some(list) = context.get(&["write_files"]) else { return };
    if !list.is_sequence() {
        return context.error(&list.error("a list of files"));
    }
    let mut accounts = Accounts::default();
    let mut failed = 0;
    for (at, item) in list.items().enumerate() {
        if item.get("defer").is_some_and(|value| truth(&value)) == deferred {
            let entry = Entry::read(at + 1, item);
            if let Err(error) = entry.write(context, &mut accounts) {
                failed += 1;
                if failed <= MAX_ITEM_ERRORS {
                    context.error(&entry.fault(&error));
                }
            }
        }
    }
    if failed > MAX_ITEM_ERRORS {
        context.error(&format_args!("{} more entries could not be written", failed - MAX_ITEM_ERRORS));
    }
}

/// One entry, its values not yet looked at.
struct Entry<'a> {
    number: usize,
    item: Value<'a>,
    path: Option<Value<'a>>,
    content: Option<Value<'a>>,
    encoding: Option<Value<'a>>,
    owner: Option<Value<'a>>,
    permissions: Option<Value<'a>>,
    append: bool,
    source: Option<Value<'a>>,
    unknown: Option<Value<'a>>,
}

/// "entry 3 (/etc/motd) at user-data:12:3", for messages.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at(self.item.position()))
    }
}

impl<'a> Entry<'a> {
    #[inline(never)]
    fn at(&self, place: Position<'_>) -> String {
        let path = self.path.and_then(|path| path.text().ok()).map_or(String::new(), |path| format!(" ({path})"));
        format!("entry {}{path} at {place}", self.number)
    }

    /// What went wrong with it. An error that has a place in the same text stands there, and says so once.
    #[inline(never)]
    fn fault(&self, error: &Error) -> String {
        let source = self.item.position().source;
        match &error.cause {
            Cause::Parse(at) if error.object == source => {
                format!("{}: expected {}", self.at(Position { source, line: at.line, column: at.column }), at.expected)
            }
            _ => format!("{self}: {error}"),
        }
    }

    #[inline(never)]
    fn read(number: usize, item: Value<'a>) -> Self {
        let mut entry = Entry {
            number,
            item,
            path: None,
            content: None,
            encoding: None,
            owner: None,
            permissions: None,
            append: false,
            source: None,
            unknown: None,
        };
        for (key, value) in item.entries() {
            let there = Some(value).filter(|value| !value.is_null());
            if key.is_text("path") {
                entry.path = there;
            } else if key.is_text("content") {
                entry.content = there;
            } else if key.is_text("encoding") {
                entry.encoding = there;
            } else if key.is_text("owner") {
                entry.owner = there;
            } else if key.is_text("permissions") {
                entry.permissions = there;
            } else if key.is_text("append") {
                entry.append = truth(&value);
            } else if key.is_text("source") {
                entry.source = there;
            } else if !key.is_text("defer") {
                entry.unknown = Some(key);
            }
        }
        entry
    }

    #[inline(never)]
    fn write(&self, context: &mut Context<'_>, accounts: &mut Accounts) -> Result<(), Error> {
        if !self.item.is_mapping() {
            return Err(self.item.error("a mapping with the key `path`"));
        }
        if let Some(key) = self.unknown {
            let name = key.text().unwrap_or_default();
            context.warn(&format_args!("{self}: the key `{name}` is not known and does nothing"));
        }
        if let Some(source) = self.source {
            return Err(source.error("`content` here: fetching from `source` is not supported"));
        }
        let path = self.path()?;
        let encoding = self.encoding(context)?;
        let files = context.host.files();
        let (target, there) = match files.stat(&path, false)? {
            Some(stat) if stat.kind == Kind::Link => {
                let (target, replaced) = write_target(files, &path)?;
                if replaced {
                    context.warn(&format_args!(
                        "{self}: the link that was there leads to a program that other names share; the link itself is replaced"
                    ));
                    (target, None)
                } else {
                    let there = context.host.files().stat(&target, true)?;
                    (target, there)
                }
            }
            there => (path, there),
        };
        let is_old = there.is_some_and(|stat| stat.kind == Kind::File);
        let how = Create {
            mode: self.mode(context),
            owner: Some(self.owner(context, accounts, there.as_ref())?),
            // A power cut must leave what was there, or the new file: an old one's name is not given to content that is
            // not on disk yet, nor half of an append taken for the old file. What was not there is written again at the next boot.
            durable: self.append || is_old || is_vital(&target),
        };
        if context.resumed && self.append && is_old && self.is_in(context.host.files(), &target, encoding)? {
            context.info(&format_args!("{self}: an earlier boot appended it already"));
            return Ok(());
        }
        let fill = &mut |sink: &mut Sink| self.stream(encoding, sink);
        put(context.host.files(), &target, &how, there.as_ref(), self.append, fill)
    }

    /// True if the file holds the content from the start of a line on, or at its end: an append that was done before the power went.
    #[inline(never)]
    fn is_in(&self, files: &mut dyn Files, target: &str, encoding: Encoding) -> Result<bool, Error> {
        let mut content = Buffer::new(MAX_APPEND_COPY as usize);
        self.stream(encoding, &mut content)?;
        let old = read_file(files, target, MAX_APPEND_COPY)?.unwrap_or_default();
        let content = content.bytes;
        let mut rest = old.as_slice();
        let mut found = old.ends_with(&content) || old.starts_with(&content);
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n').filter(|_| !found) {
            rest = &rest[at + 1..];
            found = rest.starts_with(&content);
        }
        Ok(found)
    }

    fn path(&self) -> Result<String, Error> {
        let Some(value) = self.path else { return Err(self.item.error("the key `path`")) };
        let path = value.text()?;
        if path.is_empty() || path.contains('\0') {
            return Err(value.error("a path"));
        }
        // Nearly all are plain already.
        let plain = path.starts_with('/') && !path.ends_with('/') && !path.contains("//") && !path.contains("/.");
        Ok(if plain { path } else { absolute(&path) })
    }

    #[inline(never)]
    fn encoding(&self, context: &mut Context<'_>) -> Result<Encoding, Error> {
        let Some(value) = self.encoding else { return Ok(Encoding::default()) };
        let text = value.text()?;
        let word = text.trim();
        Ok(Encoding::from_word(word).unwrap_or_else(|| {
            context
                .warn(&format_args!("{self}: the encoding `{word}` is not known; the content is written as it stands"));
            Encoding::default()
        }))
    }

    #[inline(never)]
    fn mode(&self, context: &mut Context<'_>) -> u32 {
        let Some(value) = self.permissions else { return DEFAULT_MODE };
        match permissions(&value) {
            Ok((mode, None)) => mode,
            Ok((mode, Some(octal))) => {
                context.warn(&format_args!(
                    "{self}: permissions {octal:o} without a leading 0 is a decimal number, mode {mode:04o}; write 0{octal:o} or '0{octal:o}'"
                ));
                mode
            }
            Err(error) => {
                context.warn(&format_args!("{}; {DEFAULT_MODE:04o} is used", self.fault(&error)));
                DEFAULT_MODE
            }
        }
    }

    /// What the owner leaves out stays as it is: the old file's, or for a new file ours.
    #[inline(never)]
    fn owner(
        &self,
        context: &mut Context<'_>,
        accounts: &mut Accounts,
        there: Option<&Stat>,
    ) -> Result<(u32, u32), Error> {
        let text = self.owner.map_or(Ok(Cow::Borrowed("root:root")), |value| value.text().map(Cow::Owned))?;
        let owner = accounts.owner(context.host.files(), &text)?;
        let (uid, gid) = there.map_or((0, 0), |stat| (stat.uid, stat.gid));
        Ok((owner.uid.unwrap_or(uid), owner.gid.unwrap_or(gid)))
    }

    fn stream(&self, encoding: Encoding, sink: &mut Sink) -> Result<(), Error> {
        let Some(content) = self.content else { return Ok(()) };
        let (mut base64, mut gzip);
        let mut plain = content.reader();
        let mut from: &mut Reader = &mut plain;
        if encoding.base64 {
            base64 = Base64Reader::new(from, Padding::Required);
            from = &mut base64;
        }
        if encoding.gzip {
            gzip = GzipReader::new(from, MAX_INFLATED);
            from = &mut gzip;
        }
        copy(from, sink).map(|_| ())
    }
}

fn put(
    files: &mut dyn Files,
    target: &str,
    how: &Create,
    there: Option<&Stat>,
    append: bool,
    fill: &mut dyn FnMut(&mut Sink) -> Result<(), Error>,
) -> Result<(), Error> {
    match there.map(|stat| stat.kind) {
        Some(Kind::Dir) => Err(Error::new("write", target, Errno::ISDIR)),
        Some(Kind::Block | Kind::Char | Kind::Other) => append_with(files, target, how, fill),
        Some(_) if append => append_with(files, target, how, fill),
        _ => write_with(files, target, how, fill),
    }
}

/// What content goes through, base64 first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Encoding {
    base64: bool,
    gzip: bool,
}

impl Encoding {
    fn from_word(word: &str) -> Option<Encoding> {
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        if is(&["b64", "base64"]) {
            Some(Encoding { base64: true, gzip: false })
        } else if is(&["gz", "gzip"]) {
            Some(Encoding { base64: false, gzip: true })
        } else if is(&["gz+b64", "gz+base64", "gzip+b64", "gzip+base64"]) {
            Some(Encoding { base64: true, gzip: true })
        } else if is(&["", "text/plain"]) {
            Some(Encoding::default())
        } else {
            None
        }
    }
}

/// The mode, and, if it is a decimal number that was surely meant as an octal one, that one.
fn permissions(value: &Value<'_>) -> Result<(u32, Option<u32>), Error> {
    let wrong = || value.error("permissions: octal digits as text, or a number, 0 to 07777");
    let text = value.text()?;
    let mode = match value.scalar() {
        Scalar::Int(number) => u32::try_from(number).map_err(|_| wrong())?,
        _ => {
            let digits = text.trim().trim_start_matches("0o");
            u32::from_str_radix(digits, 8).map_err(|_| wrong())?
        }
    };
    if mode > 0o7777 {
        return Err(wrong());
    }
    let decimal = matches!(value.scalar(), Scalar::Int(_)) && !text.starts_with('0');
    Ok((mode, if decimal { meant_octal(&text) } else { None }))
}

/// The mode that these decimal digits would be in octal, if that is one which people give to files: three digits, each nothing or
/// with the right to read, and nobody allowed more than whoever stands before. The decimal forms of such modes (JSON has no
/// octal ones: 420, 493, 384) do not look like that.
fn meant_octal(digits: &str) -> Option<u32> {
    let mode = u32::from_str_radix(digits, 8).ok().filter(|_| digits.len() == 3)?;
    let (user, group, other) = (mode >> 6, mode >> 3 & 7, mode & 7);
    let usual = |bits: u32| matches!(bits, 0 | 4..=7);
    let falling = group & !user == 0 && other & !group == 0;
    ([user, group, other].into_iter().all(usual) && falling).then_some(mode)
}
