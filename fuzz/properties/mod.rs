//! What must hold for any input, one function a parser. The fuzz targets (`fuzz/fuzz_targets/`) and the short fuzz of
//! `cargo test` (`tests/vocabulary.rs`) run the same functions.
//!
//! No panic, no overflow of the stack, no endless loop and no memory over the budget are the runner's to see (libFuzzer's
//! time-out and memory limit; debug assertions are on). The functions add: a position lies inside the input, and
//! what is written reads back as it was.

use wisp::error::{Error, ParseError};

mod codecs;
mod dhcp;
mod documents;
mod net;
mod network;
mod small;
mod template;
mod userdata;

/// One target.
pub struct Target {
    /// Of `fuzz_targets/NAME.rs`, `seeds/NAME/` and `dictionaries/NAME.dict`.
    pub name: &'static str,
    /// Panics where the property does not hold.
    pub check: fn(&[u8]),
}

/// Every target.
pub static TABLE: &[Target] = &[
    Target { name: "base64", check: codecs::base64 },
    Target { name: "cmdline", check: small::cmdline },
    Target { name: "dhcp", check: dhcp::dhcp },
    Target { name: "dhcp6", check: dhcp::dhcp6 },
    Target { name: "dns", check: network::dns },
    Target { name: "eni", check: network::eni },
    Target { name: "gzip", check: codecs::gzip },
    Target { name: "http", check: network::http },
    Target { name: "jinja", check: template::template },
    Target { name: "json", check: documents::json },
    Target { name: "merge", check: documents::merge },
    Target { name: "mime", check: userdata::mime },
    Target { name: "net_config", check: net::net_config },
    Target { name: "patch", check: documents::patch },
    Target { name: "quoted_printable", check: codecs::quoted_printable },
    Target { name: "superblock", check: small::superblock },
    Target { name: "url", check: network::url },
    Target { name: "userdata", check: userdata::userdata },
    Target { name: "yaml", check: documents::yaml },
];

/// The property of the target `name`.
pub fn check(name: &str, data: &[u8]) {
    let target = TABLE.iter().find(|target| target.name == name).expect("a target of this name");
    (target.check)(data);
}

/// A place that `error` names lies inside `text`, or right behind its end.
fn is_inside(error: &ParseError, text: &[u8]) {
    let lines = 1 + text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(error.line >= 1 && error.line as usize <= lines, "{error}: the text has {lines} lines");
    assert!(error.column >= 1 && error.column as usize <= text.len() + 1, "{error}: {} bytes", text.len());
    assert!(!error.expected.is_empty());
}

/// Keeps what is written, up to a bound.
struct Held {
    bytes: Vec<u8>,
    max: usize,
}

impl Held {
    fn new(max: usize) -> Held {
        Held { bytes: Vec::new(), max }
    }
}

impl embedded_io::ErrorType for Held {
    type Error = Error;
}

impl embedded_io::Write for Held {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if self.bytes.len() + bytes.len() > self.max {
            return Err(Error::new("hold", "the output", "there is too much of it"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
