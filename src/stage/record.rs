//! What a stage's isolated work tells its parent, and what the parent makes of it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::host::Progress;
use crate::paths::State;

/// One thing told. On the way it is a tag byte and the text behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A step begins: its index among the stage's steps, and its name.
    Begin(usize, String),
    /// The step that began has ended.
    End,
    /// Something asked for was not done: exit 1.
    Error(String),
    /// A part of user-data or the configuration could not be read: exit 0, degraded.
    Recoverable(String),
    /// Something was left out or not as asked: exit 0.
    Warning(String),
    /// Something was changed that the stage's sync has to make durable.
    Changed,
    /// A semaphore on disk, to be marked done after that sync.
    Mark(String),
    /// A semaphore to be written, done, after that sync.
    Complete(String),
    /// The datasource, as status.json names it.
    Datasource(String),
    /// There is no datasource.
    NoDatasource,
    /// The state directory is now this one.
    Moved(String),
}

impl Record {
    /// Sends it.
    pub fn send(&self, progress: &mut dyn Progress) {
        let mut bytes = Vec::with_capacity(128);
        let (tag, text) = match self {
            Record::Begin(index, name) => {
                bytes.push(b'B');
                bytes.extend_from_slice(&(*index as u32).to_le_bytes());
                bytes.extend_from_slice(name.as_bytes());
                return progress.report(&bytes);
            }
            Record::End => (b'.', ""),
            Record::Error(text) => (b'E', text.as_str()),
            Record::Recoverable(text) => (b'R', text.as_str()),
            Record::Warning(text) => (b'W', text.as_str()),
            Record::Changed => (b'C', ""),
            Record::Mark(path) => (b'M', path.as_str()),
            Record::Complete(path) => (b'S', path.as_str()),
            Record::Datasource(text) => (b'D', text.as_str()),
            Record::NoDatasource => (b'N', ""),
            Record::Moved(dir) => (b'V', dir.as_str()),
        };
        bytes.push(tag);
        bytes.extend_from_slice(text.as_bytes());
        progress.report(&bytes);
    }

    /// True for the bytes of a [`Record::Error`].
    pub fn is_error(bytes: &[u8]) -> bool {
        bytes.first() == Some(&b'E')
    }

    /// Reads what arrived; `None` for bytes that are no record.
    #[inline(never)]
    pub fn read(bytes: &[u8]) -> Option<Record> {
        let (tag, rest) = bytes.split_first()?;
        let text = || String::from_utf8_lossy(rest).to_string();
        Some(match tag {
            b'B' => {
                let (index, name) = rest.split_first_chunk::<4>()?;
                Record::Begin(u32::from_le_bytes(*index) as usize, String::from_utf8_lossy(name).to_string())
            }
            b'.' => Record::End,
            b'E' => Record::Error(text()),
            b'R' => Record::Recoverable(text()),
            b'W' => Record::Warning(text()),
            b'C' => Record::Changed,
            b'M' => Record::Mark(text()),
            b'S' => Record::Complete(text()),
            b'D' => Record::Datasource(text()),
            b'N' => Record::NoDatasource,
            b'V' => Record::Moved(text()),
            _ => return None,
        })
    }
}

/// All that a stage's work told.
#[derive(Debug, Default)]
pub struct Told {
    /// The step under way, if any.
    pub step: Option<(usize, String)>,
    /// See [`Record::Error`].
    pub errors: Vec<String>,
    /// See [`Record::Recoverable`].
    pub recoverable: Vec<String>,
    /// See [`Record::Warning`].
    pub warnings: Vec<String>,
    /// See [`Record::Changed`].
    pub changed: bool,
    /// See [`Record::Mark`].
    pub marks: Vec<String>,
    /// See [`Record::Complete`].
    pub completes: Vec<String>,
    /// See [`Record::Datasource`].
    pub datasource: Option<String>,
    /// See [`Record::NoDatasource`].
    pub no_datasource: bool,
    /// See [`Record::Moved`].
    pub state: Option<State>,
}

impl Told {
    /// Takes one record in.
    #[inline(never)]
    pub fn take(&mut self, bytes: &[u8]) {
        match Record::read(bytes) {
            Some(Record::Begin(index, name)) => self.step = Some((index, name)),
            Some(Record::End) => self.step = None,
            Some(Record::Error(text)) => once(&mut self.errors, text),
            Some(Record::Recoverable(text)) => once(&mut self.recoverable, text),
            Some(Record::Warning(text)) => once(&mut self.warnings, text),
            Some(Record::Changed) => self.changed = true,
            Some(Record::Mark(path)) => self.marks.push(path),
            Some(Record::Complete(path)) => self.completes.push(path),
            Some(Record::Datasource(text)) => {
                self.datasource = Some(text);
                self.no_datasource = false;
            }
            Some(Record::NoDatasource) => self.no_datasource = true,
            Some(Record::Moved(dir)) => self.state = Some(State { dir }),
            None => {}
        }
    }
}

/// What is said again (a file of cloud.cfg is read more than once a stage) is kept once.
fn once(texts: &mut Vec<String>, text: String) {
    if !texts.contains(&text) {
        texts.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wire(Vec<Vec<u8>>);

    impl Progress for Wire {
        fn report(&mut self, record: &[u8]) {
            self.0.push(record.to_vec());
        }
    }

    #[test]
    fn what_is_sent_is_what_arrives() {
        let all = [
            Record::Begin(70_000, "config-ssh".into()),
            Record::End,
            Record::Error("e".into()),
            Record::Recoverable("r".into()),
            Record::Warning(String::new()),
            Record::Changed,
            Record::Mark("/var/x".into()),
            Record::Complete("/var/y".into()),
            Record::Datasource("DataSourceNone".into()),
            Record::NoDatasource,
            Record::Moved("/run/x".into()),
        ];
        let mut wire = Wire(Vec::new());
        all.iter().for_each(|record| record.send(&mut wire));
        let errors: Vec<_> = wire.0.iter().map(|bytes| Record::is_error(bytes)).collect();
        assert_eq!(errors, all.each_ref().map(|record| matches!(record, Record::Error(_))));
        let arrived: Vec<_> = wire.0.iter().map(|bytes| Record::read(bytes).unwrap()).collect();
        assert_eq!(arrived, all);
        assert_eq!(Record::read(b""), None);
        assert_eq!(Record::read(b"Bx"), None);
    }
}
