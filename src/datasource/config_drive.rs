//! The OpenStack config drive.

use super::{Candidate, Search};
use crate::error::Error;

/// Looks for a config drive.
pub fn find(_search: &mut Search<'_>) -> Result<Option<Candidate>, Error> {
    Ok(None)
}
