//! Writing files whole: begin, stream, commit, and on any error leave what was there.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Create, Files, Found, Host, Kind, Pending, Sink, Stat};
use crate::error::{Errno, Error};
use crate::limits::{COMPARE_BUFFER, MAX_LINKS};

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

/// [`write_file`], unless the file already holds just that. True if it was written.
///
/// # Errors
/// As [`write_file`].
pub fn write_changed(host: &mut dyn Host, path: &str, how: &Create, bytes: &[u8]) -> Result<bool, Error> {
    let files = host.files();
    if holds(files, path, bytes).unwrap_or(false) {
        return Ok(false);
    }
    write_file(files, path, how, bytes).map(|()| true)
}

/// True if something is at `path`, links followed, and can be looked at.
pub fn is_there(files: &mut dyn Files, path: &str) -> bool {
    files.stat(path, true).ok().flatten().is_some()
}

/// True if the file at `path` holds just `bytes`.
///
/// # Errors
/// The kernel's, absence among them.
pub fn holds(files: &mut dyn Files, path: &str, bytes: &[u8]) -> Result<bool, Error> {
    // One byte more than wanted, so that a longer file shows.
    let mut chunk = alloc::vec![0; COMPARE_BUFFER.min(bytes.len() + 1)];
    let mut at = 0;
    loop {
        let got = files.read_at(path, at as u64, &mut chunk)?;
        if !bytes.get(at..at + got).is_some_and(|bytes| is_same(bytes, &chunk[..got])) {
            return Ok(false);
        }
        at += got;
        if got < chunk.len() {
            return Ok(at == bytes.len());
        }
    }
}

/// `==`, by words: the C library's memcmp(3) goes byte by byte.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    words.len() == other_words.len()
        && words.iter().zip(other_words).all(|(one, other)| u64::from_ne_bytes(*one) == u64::from_ne_bytes(*other))
        && rest == other_rest
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
/// The kernel's; more than `MAX_LINKS` links.
pub fn write_target(files: &mut dyn Files, path: &str) -> Result<(String, bool), Error> {
    let mut at = String::from(path);
    for _ in 0..=MAX_LINKS {
        let Some(target) = files.read_link(&at)? else {
            let renamed = name(&at) != name(path);
            let shared = renamed && files.stat(&at, true)?.is_some_and(|stat| is_executable(&stat));
            return Ok(if shared { (path.into(), true) } else { (at, false) });
        };
        at = resolve(&at, &target);
    }
    Err(Error::new("write", path, Errno::LOOP))
}

/// `target` of the link at `link`, as an absolute path. `..` stays in it: the directory of the link may be reached through
/// another link, and only the kernel knows its parent.
fn resolve(link: &str, target: &str) -> String {
    match parent(link) {
        _ if target.starts_with('/') => target.into(),
        dir => child(dir, target),
    }
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

/// The path of `name` in the directory `dir`.
pub fn child(dir: &str, name: &str) -> String {
    [if dir == "/" { "" } else { dir }, "/", name].concat()
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
    let Some(stat) = files.stat(path, false)? else { return Ok(()) };
    if stat.kind == Kind::Dir {
        let mut names = Vec::new();
        files.list(path, &mut |name| names.push(String::from_utf8_lossy(name).into_owned()))?;
        for name in names {
            remove_tree(host, &child(path, &name))?;
        }
    }
    host.files().remove(path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::host::memory::{Fault, FaultSpan, MemoryHost};

    const PLAIN: Create = Create::mode(0o640);

    #[test]
    fn a_read_stops_at_its_bound() {
        let mut host = MemoryHost::new();
        host.put("/etc/x", 0o644, "four\n");
        host.put("/etc/latin1", 0o644, &b"\xe9"[..]);
        let files = host.files();
        assert_eq!(read_file(files, "/etc/x", 5), Ok(Some(b"four\n".to_vec())));
        assert_eq!(read_file(files, "/etc/x", 4).unwrap_err().to_string(), "cannot read /etc/x: more than 4 bytes");
        assert_eq!(read_file(files, "/etc/none", 4), Ok(None));
        assert_eq!(read_text(files, "/etc/x", 5).unwrap().as_deref(), Some("four"));
        assert_eq!(
            read_text(files, "/etc/latin1", 5).unwrap_err().to_string(),
            "cannot read /etc/latin1: not UTF-8 text"
        );
    }

    #[test]
    fn a_fill_that_fails_leaves_what_was_there_and_no_litter() {
        let mut host = MemoryHost::new();
        host.put("/etc/x", 0o644, "old");
        let before = host.tree();
        let error = Error::new("decode", "part 1", "a bad character");
        let done = write_with(host.files(), "/etc/x", &PLAIN, &mut |sink| {
            sink.write_all(b"half")?;
            Err(error.clone())
        });
        assert_eq!((done, host.tree(), host.text("/etc/x")), (Err(error), before, "old".into()));
    }

    #[test]
    fn a_sink_that_fails_is_reported() {
        let mut host = MemoryHost::new();
        host.put("/etc/x", 0o644, "old");
        host.fail_at(2, Fault::NoSpace, FaultSpan::Once);
        let done = write_file(host.files(), "/etc/x", &PLAIN, b"new");
        assert_eq!(done.unwrap_err().to_string(), "cannot write /etc/x: no space left on device");
        assert_eq!((host.text("/etc/x"), host.mode("/etc/x")), ("old".into(), 0o644));
    }

    /// A machine of links; the chains are of as many links as their name says.
    fn links() -> MemoryHost {
        let mut host = MemoryHost::new();
        host.put("/bin/busybox", 0o755, "\x7fELF");
        host.put("/etc/selinux/config", 0o644, "");
        host.put("/opt/tool-1/tool", 0o755, "#!/bin/sh");
        host.put("/var/lib/data", 0o755, "#!/bin/sh");
        for (path, target) in [
            ("/bin/arch", "busybox"),
            ("/bin/uname", "/bin/arch"),
            ("/etc/sysconfig/selinux", "../selinux/config"),
            ("/usr/bin/tool", "/opt/tool-1/tool"),
            ("/etc/dangling", "./new"),
            ("/etc/loop", "loop"),
            ("/srv", "/var/lib"),
            ("/var/lib/up", "../log/up"),
        ] {
            host.put_link(path, target);
        }
        for (length, name) in [(40, "forty"), (41, "more")] {
            host.put_link(&alloc::format!("/tmp/{name}1"), "/var/end");
            for at in 2..=length {
                host.put_link(&alloc::format!("/tmp/{name}{at}"), &alloc::format!("{name}{}", at - 1));
            }
        }
        host
    }

    #[test]
    fn a_write_follows_links_but_not_to_a_shared_executable() {
        for (path, wanted, replaces_link) in [
            ("/etc/hostname", "/etc/hostname", false),
            ("/etc/sysconfig/selinux", "/etc/selinux/config", false),
            ("/usr/bin/tool", "/opt/tool-1/tool", false),
            ("/etc/dangling", "/etc/new", false),
            ("/bin/busybox", "/bin/busybox", false),
            ("/bin/arch", "/bin/arch", true),
            ("/bin/uname", "/bin/uname", true),
            ("/tmp/forty40", "/var/end", false),
            // `..` is the parent of where the link really is.
            ("/srv/up", "/var/log/up", false),
        ] {
            let mut host = links();
            let (target, replaced) = write_target(host.files(), path).unwrap();
            assert_eq!(replaced, replaces_link, "{path}");
            write_file(host.files(), &target, &PLAIN, b"new").unwrap();
            assert_eq!(host.text(wanted), "new", "{path} went to {target}");
            assert!(host.text("/bin/busybox") == "\x7fELF" || path == "/bin/busybox", "{path}");
            let link = host.files().read_link(path).unwrap();
            assert_eq!(link.is_some(), !replaces_link && path != wanted, "{path}");
        }
        for path in ["/etc/loop", "/tmp/more41"] {
            let error = write_target(links().files(), path).unwrap_err();
            assert_eq!(error.to_string(), alloc::format!("cannot write {path}: too many symbolic links"));
        }
    }

    #[test]
    fn a_tree_is_removed_and_its_links_are_not_followed() {
        let mut host = MemoryHost::new();
        host.put("/var/gone/a/b/file", 0o644, "");
        host.put("/var/kept/file", 0o644, "kept");
        host.put_link("/var/gone/a/link", "/var/kept");
        host.put_link("/var/gone/dangling", "none");
        remove_tree(&mut host, "/var/gone").unwrap();
        assert!(!host.exists("/var/gone"));
        assert_eq!(host.text("/var/kept/file"), "kept");
        remove_tree(&mut host, "/var/gone").unwrap();
        host.put_link("/var/link", "/var/kept");
        remove_tree(&mut host, "/var/link").unwrap();
        assert!(!host.exists("/var/link") && host.exists("/var/kept/file"));
    }

    #[test]
    fn absolute_paths() {
        for (path, wanted) in
            [("/a/b", "/a/b"), ("a/b", "/a/b"), ("//a/./b/../c/", "/a/c"), ("../../a", "/a"), ("/..", "/"), ("", "/")]
        {
            assert_eq!(absolute(path), wanted, "{path:?}");
        }
    }

    #[test]
    fn paths_come_apart() {
        for (path, dir, last) in
            [("/a/b", "/a", "b"), ("/a", "/", "a"), ("/", "/", ""), ("a", "/", "a"), ("/a/b/", "/a/b", "")]
        {
            assert_eq!((parent(path), name(path)), (dir, last), "{path:?}");
        }
    }
}
