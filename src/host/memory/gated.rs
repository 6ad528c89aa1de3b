//! The tests' host's files: each call passes the gate, then goes to the [`FileSystem`].

use alloc::string::String;

use super::MemoryHost;
use super::files::{FileSystem, copy_at, stream};
use crate::error::{Errno, Error};
use crate::host::{Create, Files, Found, Kind, Pending, Sink, Stat};

impl MemoryHost {
    /// One call of the files port.
    fn pass<T>(
        &mut self,
        operation: &'static str,
        object: &str,
        work: impl FnOnce(&mut FileSystem) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let refusals = self.shared.gate.borrow_mut().call(operation, object)?;
        let mut files = self.shared.files.borrow_mut();
        files.passing = refusals;
        let done = work(&mut files);
        files.passing.clear();
        done
    }
}

impl Files for MemoryHost {
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error> {
        let content =
            self.pass("read", path, |files| files.content(path).map_err(|cause| Error::new("read", path, cause)))?;
        if let Some(device) = self.device(path)? {
            return stream(path, &device.image, max, to);
        }
        // Nothing is borrowed while the sink takes the bytes.
        content.map_or(Ok(Found::Absent), |bytes| stream(path, &bytes, max, to))
    }

    fn read_at(&mut self, path: &str, offset: u64, out: &mut [u8]) -> Result<usize, Error> {
        let read = self.pass("read", path, |files| files.read_at(path, offset, out))?;
        match self.device(path)? {
            Some(device) if device.empty => Err(Error::new("read", path, Errno::NOMEDIUM)),
            Some(device) => Ok(copy_at(&device.image, offset, out)),
            None => Ok(read),
        }
    }

    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error> {
        self.pass("list", dir, |files| files.list(dir, each))
    }

    fn stat(&mut self, path: &str, follow: bool) -> Result<Option<Stat>, Error> {
        self.pass("stat", path, |files| files.stat(path, follow))
    }

    fn read_link(&mut self, path: &str) -> Result<Option<String>, Error> {
        self.pass("read link", path, |files| files.read_link(path))
    }

    fn begin(&mut self, path: &str, how: &Create) -> Result<Pending, Error> {
        self.pass("write", path, |files| files.begin(path, how))
    }

    fn put(&mut self, file: Pending, bytes: &[u8]) -> Result<(), Error> {
        let path = self.shared.files.borrow().target(file);
        self.pass("write", &path, |files| files.put(file, bytes))
    }

    fn commit(&mut self, file: Pending) -> Result<(), Error> {
        let path = self.shared.files.borrow().target(file);
        let done = self.pass("write", &path, |files| files.commit(file));
        // The call may have failed before it reached the file system; the file is gone then too, if there is power.
        if done.is_err() && !self.dead() {
            self.shared.files.borrow_mut().abort(file);
        }
        done
    }

    fn abort(&mut self, file: Pending) {
        let path = self.shared.files.borrow().target(file);
        let _ = self.pass("remove", &path, |files| {
            files.abort(file);
            Ok(())
        });
    }

    fn append(&mut self, path: &str, bytes: &[u8], mode: u32, durable: bool) -> Result<(), Error> {
        self.pass("append to", path, |files| files.append(path, bytes, mode, durable))
    }

    fn make_dir(&mut self, path: &str, mode: u32) -> Result<(), Error> {
        self.pass("make directory", path, |files| files.make_dir(path, mode))
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), Error> {
        self.pass("link", path, |files| files.link(path, target))
    }

    fn make_node(&mut self, path: &str, kind: Kind, major: u32, minor: u32) -> Result<(), Error> {
        self.pass("make node", path, |files| files.make_node(path, kind, major, minor))
    }

    fn remove(&mut self, path: &str) -> Result<bool, Error> {
        self.pass("remove", path, |files| files.remove(path))
    }

    fn set_meta(&mut self, path: &str, mode: Option<u32>, owner: Option<(u32, u32)>) -> Result<(), Error> {
        self.pass("change mode or owner of", path, |files| files.set_meta(path, mode, owner))
    }

    fn unlabelled(&mut self, each: &mut dyn FnMut(&str)) {
        self.unlabelled.drain(..).for_each(|path| each(&path));
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.pass("sync", "/", FileSystem::sync)
    }
}
