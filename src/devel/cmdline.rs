//! The kernel command line: `{parameters: [[NAME, VALUE], …], init: [WORD, …]}`, and `cloud_config` where there is one. A parameter
//! without `=` has the value `null`; of equal names the last counts.

use alloc::string::String;

use super::Work;
use crate::error::Error;
use crate::format::cmdline::{cloud_config, init_arguments, parameters};

pub fn print(work: &mut Work<'_, '_>) -> Result<(), Error> {
    let text = String::from_utf8_lossy(work.input.text);
    work.json.begin_object()?;
    work.json.key("parameters")?;
    work.json.begin_array()?;
    for parameter in parameters(&text) {
        work.json.begin_array()?;
        work.json.string(parameter.name)?;
        match parameter.value {
            Some(value) => work.json.string(value)?,
            None => work.json.null()?,
        }
        work.json.end_array()?;
    }
    work.json.end_array()?;
    work.json.key("init")?;
    work.json.begin_array()?;
    for word in init_arguments(&text) {
        work.json.string(word)?;
    }
    work.json.end_array()?;
    if let Some(config) = cloud_config(&text) {
        work.field("cloud_config", &config)?;
    }
    work.json.end_object()
}
