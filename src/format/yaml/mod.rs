//! YAML into a [`Doc`], one document, as PyYAML's safe loader reads it (YAML 1.1).
//!
//! Read: block and flow collections in every mixture, compact nested forms, explicit keys, all scalar styles over several
//! lines, all escapes, anchors and aliases, merge keys, the tags `!!str !!int !!float !!bool !!null !!binary !!seq !!map`
//! and `!`, `%YAML 1.N`, `---`, `...`, comments, a byte order mark, and all line ends of YAML 1.1 (`\n`, `\r\n`, `\r`, U+0085, U+2028, U+2029).
//!
//! Not read, each an error that says so: a second document; other tags (`!!set`, `!!omap`, `!!pairs`, `!!timestamp`, local ones)
//! and `%TAG`; a collection as key; an alias inside its own anchor; UTF-16; keys made to collide in a table of hashes; and what is
//! beyond `MAX_NESTING`, `MAX_ANCHORS`, `MAX_NODES`, `MAX_BLOCK_INDENT`, or `MAX_VISITS` nodes that aliases add
//! ([`limits`](crate::limits)).
//!
//! Read otherwise than PyYAML does: dates are text, as are whole numbers (those before the `:` of a sexagesimal one, too) that do not fit 64
//! bits and numbers of underscores alone (`0x_`); no white space beyond ASCII may stand around a number behind `!!int` or `!!float`;
//! two `\u` escapes that are a surrogate pair are the one character that JSON means, and half a pair is refused; `!!binary` is
//! decoded when it is read, so that of a value which an equal key replaces is not.
//!
//! Scanning allocates nothing: only the document's table grows. Anchors are rows of it, too, and so is, for a while, what finds equal keys.

mod anchors;
mod key;
pub(super) mod keys;
mod lexeme;
mod merge;
mod node;
mod scan;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_keys;
mod text;

use heapless::Vec;

use crate::error::ParseError;
use crate::format::doc::{self, Doc, Kind, Node, NodeId, SourceId, Style};
use crate::format::scalar;
use crate::limits::{MAX_NESTING, MAX_NODES};
use anchors::Anchors;
use scan::{Lexeme, Scanner, Token};

/// Reads one document. A text without any (empty, or comments alone) has no root; `---` alone has a null root. PyYAML gives `None`
/// for both. A missing value is an empty plain scalar, which is null. Of equal keys
/// the last one counts, in the place of the first; [`Doc::warnings`] says so.
/// What a merge key `<<` brings stands in front of a mapping's own entries, as aliases; equal keys among all of these are settled likewise.
///
/// # Errors
/// The text is not YAML, or uses what the module's doc excludes.
pub fn parse(text: &[u8], source: SourceId) -> Result<Doc, ParseError> {
    check_characters(text)?;
    let mut parser = Parser {
        scanner: Scanner::new(text),
        text,
        source,
        doc: Doc::with_capacity(text.len() / 64 + 16),
        stack: Vec::new(),
        anchors: Anchors::new(),
        through_aliases: 0,
    };
    parser.document()?;
    Ok(parser.doc)
}

/// The characters that YAML allows (YAML 1.1 section 5.1), in UTF-8.
fn check_characters(text: &[u8]) -> Result<(), ParseError> {
    if u32::try_from(text.len()).is_err() {
        return Err(ParseError::at(text, 0, "less than 4 GiB"));
    }
    if text.starts_with(b"\xFF\xFE") || text.starts_with(b"\xFE\xFF") {
        return Err(ParseError::at(text, 0, "UTF-8: UTF-16 is not supported"));
    }
    if let Err(fault) = core::str::from_utf8(text) {
        return Err(ParseError::at(text, fault.valid_up_to(), "UTF-8"));
    }
    match scalar::find_unprintable(text) {
        Some(at) => Err(ParseError::at(text, at, "a character that YAML allows: others are written as escapes")),
        None => Ok(()),
    }
}

/// What a collection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// `-`
    BlockItem,
    /// `-` in the column of the mapping around it.
    IndentlessItem,
    BlockKey,
    BlockValue,
    /// The first item of `[`.
    FlowFirstItem,
    FlowItem,
    /// The one pair of `[key: value]`.
    PairKey,
    PairValue,
    PairEnd,
    FlowFirstKey,
    FlowKey,
    FlowValue,
    /// A key of `{key}`, which has no value.
    FlowNoValue,
}

/// What a node is to the collection around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Item,
    Key,
    Value,
}

/// Which collections may begin where a node is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Flow,
    Block,
    /// Block, and a sequence may stand in the column of the key.
    BlockOrIndentless,
}

/// An open collection.
struct Frame {
    node: NodeId,
    last: Option<NodeId>,
    state: State,
    /// It has a `<<` key.
    merges: bool,
    anchor: Option<NodeId>,
    /// [`Parser::visits`] before it.
    before: usize,
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    text: &'a [u8],
    source: SourceId,
    doc: Doc,
    stack: Vec<Frame, MAX_NESTING>,
    anchors: Anchors,
    /// Nodes that aliases add for who follows them, against `MAX_VISITS`.
    through_aliases: usize,
}

type Done = Result<(), ParseError>;

impl Parser<'_> {
    fn error(&self, at: u32, expected: &'static str) -> ParseError {
        ParseError::at(self.text, at as usize, expected)
    }

    fn document(&mut self) -> Done {
        match self.begin()? {
            Some(explicit) => self.root(explicit)?,
            None => return Ok(()),
        }
        while let Some(frame) = self.stack.last() {
            let state = frame.state;
            self.step(state)?;
        }
        let mut last = self.scanner.peek()?;
        while last.token == Token::DocumentEnd {
            self.scanner.next()?;
            last = self.scanner.peek()?;
        }
        match last.token {
            Token::StreamEnd => Ok(()),
            Token::DocumentStart | Token::Directive(_) => {
                Err(self.error(last.at, "the end: a second document is not supported"))
            }
            _ => Err(self.error(last.at, "the end of the document")),
        }
    }

    /// Goes over directives and `---`: whether there was one, `None` if there is no document at all.
    fn begin(&mut self) -> Result<Option<bool>, ParseError> {
        let mut version = false;
        loop {
            let lexeme = self.scanner.peek()?;
            match lexeme.token {
                Token::Directive(is_version) => {
                    if version && is_version {
                        return Err(self.error(lexeme.at, "one %YAML directive"));
                    }
                    version |= is_version;
                    self.scanner.next()?;
                    let after = self.scanner.peek()?;
                    if !matches!(after.token, Token::Directive(_) | Token::DocumentStart) {
                        return Err(self.error(after.at, "`---` behind the directives"));
                    }
                }
                Token::DocumentStart => {
                    self.scanner.next()?;
                    return Ok(Some(true));
                }
                Token::StreamEnd => return Ok(None),
                _ => return Ok(Some(false)),
            }
        }
    }

    fn root(&mut self, explicit: bool) -> Done {
        let lexeme = self.scanner.peek()?;
        match lexeme.token {
            Token::Directive(_) | Token::DocumentStart | Token::DocumentEnd | Token::StreamEnd if explicit => {
                self.empty(lexeme.at)
            }
            _ => self.node(Role::Item, Place::Block),
        }
    }

    fn step(&mut self, state: State) -> Done {
        match state {
            State::BlockItem => self.block_item(),
            State::IndentlessItem => self.indentless_item(),
            State::BlockKey => self.block_key(),
            State::BlockValue => {
                self.value(State::BlockKey, Place::BlockOrIndentless, &[Token::Key, Token::Value, Token::BlockEnd])
            }
            State::FlowFirstItem | State::FlowItem => self.flow_item(state == State::FlowFirstItem),
            State::PairKey => {
                self.key(State::PairValue, Place::Flow, &[Token::Value, Token::FlowEntry, Token::FlowSequenceEnd])
            }
            State::PairValue => self.value(State::PairEnd, Place::Flow, &[Token::FlowEntry, Token::FlowSequenceEnd]),
            State::PairEnd => self.close(),
            State::FlowFirstKey | State::FlowKey => self.flow_key(state == State::FlowFirstKey),
            State::FlowValue => self.value(State::FlowKey, Place::Flow, &[Token::FlowEntry, Token::FlowMappingEnd]),
            State::FlowNoValue => {
                self.set(State::FlowKey);
                let at = self.scanner.peek()?.at;
                self.empty(at)
            }
        }
    }

    fn set(&mut self, state: State) {
        if let Some(frame) = self.stack.last_mut() {
            frame.state = state;
        }
    }

    /// A node, unless one of `without` follows: then an empty one.
    fn node_unless(&mut self, without: &[Token], role: Role, place: Place) -> Done {
        let next = self.scanner.peek()?;
        if without.contains(&next.token) {
            return self.empty(next.at);
        }
        self.node(role, place)
    }

    fn key(&mut self, then: State, place: Place, without: &[Token]) -> Done {
        self.scanner.next()?;
        self.set(then);
        self.node_unless(without, Role::Key, place)
    }

    fn value(&mut self, then: State, place: Place, without: &[Token]) -> Done {
        self.set(then);
        let next = self.scanner.peek()?;
        if next.token != Token::Value {
            return self.empty(next.at);
        }
        self.scanner.next()?;
        self.node_unless(without, Role::Value, place)
    }

    fn block_item(&mut self) -> Done {
        let next = self.scanner.next()?;
        match next.token {
            Token::Entry => self.node_unless(&[Token::Entry, Token::BlockEnd], Role::Item, Place::Block),
            Token::BlockEnd => self.close(),
            _ => Err(self.misplaced(&next, "`- ` in the column of the items above, or the end of the sequence")),
        }
    }

    fn indentless_item(&mut self) -> Done {
        if self.scanner.peek()?.token != Token::Entry {
            return self.close();
        }
        self.scanner.next()?;
        self.node_unless(&[Token::Entry, Token::Key, Token::Value, Token::BlockEnd], Role::Item, Place::Block)
    }

    fn block_key(&mut self) -> Done {
        let next = self.scanner.peek()?;
        match next.token {
            Token::Key => {
                self.key(State::BlockValue, Place::BlockOrIndentless, &[Token::Key, Token::Value, Token::BlockEnd])
            }
            Token::BlockEnd => {
                self.scanner.next()?;
                self.close()
            }
            Token::FlowSequenceStart | Token::FlowMappingStart => Err(self.error(next.at, node::COLLECTION_KEY)),
            _ => Err(self.misplaced(&next, "a key in the column of the keys above, or the end of the mapping")),
        }
    }

    /// What stands where a block collection should go on.
    fn misplaced(&self, next: &Lexeme, expected: &'static str) -> ParseError {
        match next.token {
            Token::FlowSequenceEnd | Token::FlowMappingEnd => self.error(next.at, "`[` or `{` before this"),
            Token::Alias | Token::Anchor | Token::Tag(_) | Token::Scalar | Token::FlowEntry => {
                self.error(next.at, "the end of the line: the value ended before this")
            }
            _ => self.error(next.at, expected),
        }
    }

    fn flow_item(&mut self, first: bool) -> Done {
        let mut next = self.scanner.peek()?;
        if next.token != Token::FlowSequenceEnd && !first {
            if next.token != Token::FlowEntry {
                return Err(self.error(next.at, "`,` or `]`"));
            }
            self.scanner.next()?;
            next = self.scanner.peek()?;
        }
        self.set(State::FlowItem);
        match next.token {
            Token::FlowSequenceEnd => {
                self.scanner.next()?;
                self.close()
            }
            Token::Key => {
                let node = Node::new(Kind::Mapping, Style::Flow, self.source, next.at as usize, next.at as usize);
                self.open(node, State::PairKey, None)
            }
            _ => self.node(Role::Item, Place::Flow),
        }
    }

    fn flow_key(&mut self, first: bool) -> Done {
        let mut next = self.scanner.peek()?;
        if next.token != Token::FlowMappingEnd && !first {
            if next.token != Token::FlowEntry {
                return Err(self.error(next.at, "`,` or `}`"));
            }
            self.scanner.next()?;
            next = self.scanner.peek()?;
        }
        match next.token {
            Token::FlowMappingEnd => {
                self.scanner.next()?;
                self.close()
            }
            Token::Key => {
                self.key(State::FlowValue, Place::Flow, &[Token::Value, Token::FlowEntry, Token::FlowMappingEnd])
            }
            _ => {
                self.set(State::FlowNoValue);
                self.node(Role::Key, Place::Flow)
            }
        }
    }

    /// Adds a node as the next child, or as the root.
    fn attach(&mut self, node: Node) -> Result<NodeId, ParseError> {
        if self.doc.len() >= MAX_NODES {
            return Err(self.error(node.start, doc::TOO_MANY));
        }
        let id = self.doc.push(node);
        match self.stack.last_mut() {
            Some(frame) => {
                self.doc.attach(frame.node, frame.last, id);
                frame.last = Some(id);
            }
            None => self.doc.set_root(id),
        }
        Ok(id)
    }

    fn empty(&mut self, at: u32) -> Done {
        self.attach(Node::new(Kind::Scalar, Style::Plain, self.source, at as usize, at as usize)).map(|_| ())
    }

    /// Nodes that a walk visits in what was read so far.
    fn visits(&self) -> usize {
        self.doc.nodes() + self.through_aliases
    }

    fn open(&mut self, node: Node, state: State, anchor: Option<Lexeme>) -> Done {
        let at = node.start as usize;
        if self.stack.is_full() {
            return Err(scan::nesting(self.text, at));
        }
        let before = self.visits();
        let node = self.attach(node)?;
        let anchor = match anchor {
            Some(name) => Some(self.anchors.add(&mut self.doc, self.text, &name)?),
            None => None,
        };
        let _ = self.stack.push(Frame { node, last: None, state, merges: false, anchor, before });
        Ok(())
    }

    fn close(&mut self) -> Done {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        if let Some(anchor) = frame.anchor {
            self.doc.node_mut(anchor).first = (self.visits() - frame.before) as u32;
        }
        if self.doc.node(frame.node).kind() == Kind::Mapping {
            let settled = keys::settle(&mut self.doc, self.text, frame.node, frame.merges, true);
            settled.map_err(|at| ParseError::at(self.text, at, keys::COLLIDING))?;
        }
        if frame.merges {
            merge::resolve(&mut self.doc, self.text, frame.node)?;
        }
        Ok(())
    }
}
