//! The texts that documents point into.

use alloc::string::String;
use alloc::vec::Vec;

/// Which text of a [`Sources`] a node points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceId(pub u16);

/// One text and what to call it in messages ("user-data part 2 (init.cfg)", "/etc/cloud/cloud.cfg").
#[derive(Debug)]
pub struct Source {
    /// The name that messages use.
    pub name: String,
    /// The text as it was read.
    pub text: Vec<u8>,
}

/// The texts that documents point into. Texts are only ever added.
#[derive(Debug, Default)]
pub struct Sources {
    texts: Vec<Source>,
}

impl Sources {
    /// No texts yet.
    pub const fn new() -> Self {
        Sources { texts: Vec::new() }
    }

    /// Takes a text in; the name is for messages.
    ///
    /// # Panics
    /// With more than 65,535 texts; parts and configuration files are bounded far below that.
    pub fn add(&mut self, name: impl Into<String>, text: Vec<u8>) -> SourceId {
        let id = SourceId(u16::try_from(self.texts.len()).expect("fewer than 65,536 sources"));
        self.texts.push(Source { name: name.into(), text });
        id
    }

    /// The text and its name.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.texts[id.0 as usize]
    }

    /// The text of this name.
    pub fn find(&self, name: &str) -> Option<SourceId> {
        self.texts.iter().position(|source| source.name == name).map(|at| SourceId(at as u16))
    }

    /// Adds bytes at the end of a text that we made; where they stand in it.
    pub fn extend(&mut self, id: SourceId, bytes: &[u8]) -> core::ops::Range<usize> {
        let text = &mut self.texts[id.0 as usize].text;
        let start = text.len();
        text.extend_from_slice(bytes);
        start..text.len()
    }

    /// The bytes of the text.
    pub fn text(&self, id: SourceId) -> &[u8] {
        &self.get(id).text
    }
}
