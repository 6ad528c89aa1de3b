//! A directory as a tree: the real one's, with the overlay over it.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::super::walk::{Step, is_below, walk};
use super::super::write::child;
use super::overlay::{Entry, Overlay};
use crate::error::{Cause, Errno, Error};
use crate::host::{Found, Kind, Sink, Tree};

/// Owns the real tree, if there is one, and shares the overlay with its host.
pub(super) struct PreviewTree {
    pub real: Option<Box<dyn Tree>>,
    pub overlay: Rc<RefCell<Overlay>>,
    pub dir: String,
}

impl PreviewTree {
    /// Where `path` is, as far as the overlay knows: what it does not have is taken as it is on the real machine, whose own
    /// links are followed there.
    fn place(&self, path: &str) -> Result<String, Cause> {
        if path.starts_with('/') || path.split('/').any(|name| name == "..") {
            return Err("the path leads out of the tree".into());
        }
        let overlay = self.overlay.borrow();
        let walked = walk(&child(&self.dir, path), true, &mut |path| {
            Ok(match overlay.get(path) {
                Some(Entry::Gone) => None,
                Some(Entry::There(there)) => Some(there.step()),
                None => overlay.shows_real(path).then_some(Step::Dir),
            })
        })?;
        Ok(walked.path)
    }

    /// The path in the real tree; `None` if the real machine is not seen there.
    fn in_real(&self, place: &str) -> Option<String> {
        let shown = is_below(place, &self.dir) && self.overlay.borrow().shows_real(place);
        shown.then(|| place[self.dir.len()..].trim_start_matches('/').into())
    }

    /// What the overlay alone has there.
    fn here(&self, place: &str) -> Option<(Kind, Rc<Vec<u8>>)> {
        match self.overlay.borrow().get(place) {
            Some(Entry::There(there)) => Some((there.kind, there.content.clone())),
            _ => None,
        }
    }
}

impl Tree for PreviewTree {
    fn read(&mut self, path: &str, max: u64, to: &mut Sink) -> Result<Found, Error> {
        let place = match self.place(path) {
            Err(Cause::Errno(Errno::NOENT | Errno::NOTDIR)) => return Ok(Found::Absent),
            place => place.map_err(|cause| Error::new("read", path, cause))?,
        };
        let here = self.here(&place);
        if here.as_ref().is_some_and(|(kind, _)| *kind == Kind::Dir) {
            return Err(Error::new("read", path, Errno::ISDIR));
        }
        let mut size = match (self.in_real(&place), &mut self.real) {
            (Some(path), Some(real)) => real.read(&path, max, to)?,
            _ => Found::Absent,
        };
        if let Some((_, content)) = here {
            let before = if let Found::Read(before) = size { before } else { 0 };
            size = super::files::stream(path, &content, before, max, to)?;
        }
        Ok(size)
    }

    fn list(&mut self, dir: &str, each: &mut dyn FnMut(&[u8])) -> Result<Found, Error> {
        let error = |cause| Error::new("list", dir, cause);
        let place = match self.place(dir) {
            Err(Cause::Errno(Errno::NOENT)) => return Ok(Found::Absent),
            place => place.map_err(error)?,
        };
        let here = self.here(&place);
        if here.as_ref().is_some_and(|(kind, _)| *kind != Kind::Dir) {
            return Err(Error::new("list", dir, Errno::NOTDIR));
        }
        let mut found = here.is_some();
        let mut names = Vec::new();
        if let (Some(path), Some(real)) = (self.in_real(&place), &mut self.real) {
            found |= real.list(&path, &mut |name| names.push(name.to_vec()))? != Found::Absent;
        }
        // Nothing is borrowed while `each` takes the names: it may write to the same preview.
        let names = self.overlay.borrow().names(&place, names);
        if !found && names.is_empty() {
            return Ok(Found::Absent);
        }
        names.iter().for_each(|name| each(name));
        Ok(Found::Read(names.len() as u64))
    }

    fn close(self: Box<Self>) -> Result<(), Error> {
        self.real.map_or(Ok(()), Tree::close)
    }
}
