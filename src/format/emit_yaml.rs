//! Writing documents as YAML.

use crate::error::Error;
use crate::format::doc::Value;

/// Writes a document.
///
/// # Errors
/// The sink's.
pub fn yaml(_value: &Value<'_>, _to: &mut dyn embedded_io::Write<Error = Error>) -> Result<(), Error> {
    Ok(())
}
