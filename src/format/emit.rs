//! Writing documents: JSON and YAML.

use crate::error::Error;
use crate::format::doc::Value;

/// A JSON writer.
pub struct Json<'a> {
    to: &'a mut dyn embedded_io::Write<Error = Error>,
}

impl<'a> Json<'a> {
    /// Onto `to`; `indent` as Python's `json.dumps`.
    pub fn new(to: &'a mut dyn embedded_io::Write<Error = Error>, _indent: Option<usize>) -> Self {
        Json { to }
    }
    #[allow(missing_docs)]
    pub fn begin_object(&mut self) -> Result<(), Error> {
        self.to.flush()
    }
    #[allow(missing_docs)]
    pub fn end_object(&mut self) -> Result<(), Error> {
        Ok(())
    }
    #[allow(missing_docs)]
    pub fn key(&mut self, _: &str) -> Result<(), Error> {
        Ok(())
    }
    #[allow(missing_docs)]
    pub fn string(&mut self, _: &str) -> Result<(), Error> {
        Ok(())
    }
    #[allow(missing_docs)]
    pub fn int(&mut self, _: i64) -> Result<(), Error> {
        Ok(())
    }
    #[allow(missing_docs)]
    pub fn value(&mut self, _: &Value<'_>) -> Result<(), Error> {
        Ok(())
    }
    #[allow(missing_docs)]
    pub fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
