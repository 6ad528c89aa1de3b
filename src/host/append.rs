//! Adding to a file: the old content and the new together, or the old alone.

use super::write::PendingSink;
use super::{Create, Files, Kind, Pending, Sink};
use crate::error::Error;
use crate::limits::{COPY_BUFFER, MAX_APPEND_COPY};

/// Adds what `fill` streams to the end of the file at `path` (links followed by the caller), which then has mode and owner of
/// `how`; one that is not there is made. Up to [`MAX_APPEND_COPY`] the file is copied, so that it is whole at every
/// moment; a larger one grows in place, and so does what is no regular file (a device, a pipe), which keeps mode and owner.
///
/// # Errors
/// Those of `fill` and the kernel's; a copied file is as it was then.
pub fn append_with(
    files: &mut dyn Files,
    path: &str,
    how: &Create,
    fill: &mut dyn FnMut(&mut Sink) -> Result<(), Error>,
) -> Result<(), Error> {
    let old = files.stat(path, true)?;
    match old {
        Some(stat) if stat.kind != Kind::File => fill(&mut InPlace { files, path, how }),
        Some(stat) if stat.size > MAX_APPEND_COPY => {
            fill(&mut InPlace { files, path, how })?;
            files.set_meta(path, Some(how.mode), how.owner)
        }
        _ => {
            let file = files.begin(path, how)?;
            let copied = if old.is_some() { copy_old(files, path, file) } else { Ok(()) };
            match copied.and_then(|()| fill(&mut PendingSink { files, file })) {
                Ok(()) => files.commit(file),
                Err(error) => {
                    files.abort(file);
                    Err(error)
                }
            }
        }
    }
}

fn copy_old(files: &mut dyn Files, path: &str, file: Pending) -> Result<(), Error> {
    let mut buffer = [0; COPY_BUFFER];
    let mut offset = 0;
    loop {
        let count = files.read_at(path, offset, &mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        files.put(file, &buffer[..count])?;
        offset += count as u64;
    }
}

/// The end of what is there, as a sink.
struct InPlace<'a> {
    files: &'a mut dyn Files,
    path: &'a str,
    how: &'a Create,
}

impl embedded_io::ErrorType for InPlace<'_> {
    type Error = Error;
}

impl embedded_io::Write for InPlace<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.files.append(self.path, bytes, self.how.mode, self.how.durable)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Errno;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;

    const HOW: Create = Create { mode: 0o600, owner: Some((1, 2)), durable: false };

    fn append(host: &mut MemoryHost, path: &str, text: &[u8]) -> Result<(), Error> {
        append_with(host.files(), path, &HOW, &mut |sink| sink.write_all(text))
    }

    #[test]
    fn small_files_are_copied_and_large_ones_grow_in_place() {
        for (size, copied) in
            [(0, true), (COPY_BUFFER, true), (MAX_APPEND_COPY as usize, true), (MAX_APPEND_COPY as usize + 1, false)]
        {
            let mut host = MemoryHost::new();
            host.put("/f", 0o644, alloc::vec![b'x'; size]);
            let before = host.stat_of("/f").unwrap().id;
            append(&mut host, "/f", b"more").unwrap();
            let after = host.stat_of("/f").unwrap();
            assert_eq!(after.id != before, copied, "{size}");
            assert_eq!((after.size, after.mode, after.uid, after.gid), (size as u64 + 4, 0o600, 1, 2), "{size}");
            assert!(host.bytes("/f").ends_with(b"more"));
        }
    }

    #[test]
    fn a_missing_file_is_made() {
        let mut host = MemoryHost::new();
        append(&mut host, "/new/f", b"text").unwrap();
        assert_eq!((host.text("/new/f").as_str(), host.mode("/new/f"), host.owner("/new/f")), ("text", 0o600, (1, 2)));
    }

    #[test]
    fn a_failed_append_changes_nothing() {
        let mut host = MemoryHost::new();
        host.put("/f", 0o644, "old");
        let fault = Error::new("read", "content", Errno::IO);
        let got = append_with(host.files(), "/f", &HOW, &mut |sink| sink.write_all(b"half").and(Err(fault.clone())));
        assert_eq!(got, Err(fault));
        assert_eq!((host.text("/f").as_str(), host.mode("/f")), ("old", 0o644));
        assert!(
            host.tree().iter().filter(|line| !line.ends_with('/')).all(|line| line.ends_with(" /f")),
            "{:?}",
            host.tree()
        );
    }
}
