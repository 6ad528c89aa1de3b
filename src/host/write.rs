//! Writing files whole: begin, stream, commit, and on any error leave what was there.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Create, Files, Found, Host, Kind, Pending, Sink, Stat};
use crate::error::{Errno, Error};
use crate::limits::MAX_LINKS;

/// A sink into memory that is full at `max` bytes.
pub struct Buffer {
    /// What came so far.
    pub bytes: Vec<u8>,
    max: usize,
}

impl Buffer {
    /// Empty, for at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Buffer { bytes: Vec::new(), max }
    }
}

impl embedded_io::ErrorType for Buffer {
    type Error = Error;
}

impl embedded_io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if self.bytes.len() + bytes.len() > self.max {
            return Err(Error::new("hold", "input", alloc::format!("more than {} bytes", self.max)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// The sink of a file begun.
pub(super) struct PendingSink<'a> {
    pub files: &'a mut dyn Files,
    pub file: Pending,
}

impl embedded_io::ErrorType for PendingSink<'_> {
    type Error = Error;
}

impl embedded_io::Write for PendingSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.files.put(self.file, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Reads a whole file; `None` if it is not there.
///
/// # Errors
/// As [`Files::read`].
pub fn read_file(files: &mut dyn Files, path: &str, max: u64) -> Result<Option<Vec<u8>>, Error> {
    let mut buffer = Buffer::new(usize::try_from(max).unwrap_or(usize::MAX));
    match files.read(path, max, &mut buffer)? {
        Found::Absent => Ok(None),
        Found::Read(_) => Ok(Some(buffer.bytes)),
    }
}

/// Reads a whole file as text, trailing white space taken off; `None` if it is not there.
///
/// # Errors
/// As [`Files::read`]; not UTF-8.
pub fn read_text(files: &mut dyn Files, path: &str, max: u64) -> Result<Option<String>, Error> {
    let Some(bytes) = read_file(files, path, max)? else { return Ok(None) };
    let mut text = String::from_utf8(bytes).map_err(|_| Error::new("read", path, "not UTF-8 text"))?;
    text.truncate(text.trim_end().len());
    Ok(Some(text))
}

/// Makes the file at `path` hold `bytes`: the old file or the new one, never half of one.
///
/// # Errors
/// The kernel's; what was there before still is.
pub fn write_file(files: &mut dyn Files, path: &str, how: &Create, bytes: &[u8]) -> Result<(), Error> {
    write_with(files, path, how, &mut |sink| sink.write_all(bytes))
}

/// [`write_file`] for content that `fill` streams.
///
/// # Errors
/// Those of `fill` and the kernel's; what was there before still is.
pub fn write_with(
    files: &mut dyn Files,
    path: &str,
    how: &Create,
    fill: &mut dyn FnMut(&mut Sink) -> Result<(), Error>,
) -> Result<(), Error> {
    let file = files.begin(path, how)?;
    if let Err(error) = fill(&mut PendingSink { files, file }) {
        files.abort(file);
        return Err(error);
    }
    files.commit(file)
}

/// Where a write to `path` has to go when links count: through a symbolic link, as cloud-init does, unless the
/// link leads to an executable of another name (busybox's `/bin/arch`): replacing that would take every other command with it, so
/// then the link itself is replaced. The second value is true in that case.
///
/// # Errors
/// The kernel's; more than 40 links.
pub fn write_target(files: &mut dyn Files, path: &str) -> Result<(String, bool), Error> {
    let mut at = String::from(path);
    for _ in 0..=MAX_LINKS {
        let Some(target) = files.read_link(&at)? else {
            let renamed = name(&at) != name(path);
            let shared = renamed && files.stat(&at, true)?.is_some_and(|stat| is_executable(&stat));
            return Ok(if shared { (path.into(), true) } else { (at, false) });
        };
        // `..` stays for the kernel: the directory may itself be behind a link.
        at = if target.starts_with('/') { target } else { alloc::format!("{}/{target}", parent(&at)) };
    }
    Err(Error::new("write", path, Errno::LOOP))
}

/// `path` without `.`, `..`, doubled and trailing `/`; a relative one hangs below `/`.
pub fn absolute(path: &str) -> String {
    let mut absolute = String::with_capacity(path.len() + 1);
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => absolute.truncate(absolute.rfind('/').unwrap_or(0)),
            name => {
                absolute.push('/');
                absolute.push_str(name);
            }
        }
    }
    if absolute.is_empty() { "/".into() } else { absolute }
}

fn is_executable(stat: &Stat) -> bool {
    stat.kind == Kind::File && stat.mode & 0o111 != 0
}

/// The directory of a path: everything before its last `/`.
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

/// The last component of a path.
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Removes a directory with all in it; absent is fine. Links are removed, not followed.
///
/// # Errors
/// The first of the kernel's; what could be removed is gone.
pub fn remove_tree(host: &mut dyn Host, path: &str) -> Result<(), Error> {
    let files = host.files();
    if files.stat(path, false)?.is_some_and(|stat| stat.kind == Kind::Dir) {
        let mut names = Vec::new();
        files.list(path, &mut |name| names.push(String::from_utf8_lossy(name).into_owned()))?;
        for name in names {
            remove_tree(host, &alloc::format!("{path}/{name}"))?;
        }
    }
    host.files().remove(path).map(|_| ())
}
