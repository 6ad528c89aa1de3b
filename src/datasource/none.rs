//! The datasource None: no metadata, no user-data; the image's own configuration is carried out all the same.

use alloc::boxed::Box;

use super::Candidate;
use crate::error::Error;
use crate::host::{Found, Sink, Tree};
use crate::instance::Instance;

/// The instance of a machine that no datasource knows.
pub fn candidate() -> Candidate {
    let (data, files, recoverable) = Default::default();
    Candidate { instance: Instance::none(), tree: Box::new(Nothing), data, files, recoverable }
}

/// A tree without files.
struct Nothing;

impl Tree for Nothing {
    fn read(&mut self, _path: &str, _max: u64, _to: &mut Sink) -> Result<Found, Error> {
        Ok(Found::Absent)
    }

    fn list(&mut self, _dir: &str, _each: &mut dyn FnMut(&[u8])) -> Result<Found, Error> {
        Ok(Found::Absent)
    }

    fn close(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}
