//! YAML into a [`Doc`], one document, as PyYAML's safe loader reads it (YAML 1.1).
//!
//! Read: block and flow collections in every mixture, compact nested forms, explicit keys, all scalar styles over several
//! lines, all escapes, anchors and aliases, merge keys, the tags `!!str !!int !!float !!bool !!null !!binary !!seq !!map`
//! and `!`, `%YAML 1.N`, `---`, `...`, comments, a byte order mark, `\n`, `\r\n` and `\r`.
//!
//! Not read, each an error that says so: a second document; other tags (`!!set`, `!!omap`, `!!pairs`, `!!timestamp`, local ones)
//! and `%TAG`; a collection as key; an alias inside its own anchor; UTF-16; nesting deeper than [`MAX_NESTING`] and more
//! than [`MAX_ANCHORS`](crate::limits::MAX_ANCHORS) anchors.
//!
//! Read otherwise than PyYAML does: dates are text, as are whole numbers that do not fit 64 bits; U+0085, U+2028 and U+2029 are
//! characters like any other, not line ends; two `\u` escapes that are a surrogate pair are the one character that JSON means.
//!
//! Scanning allocates nothing; only the document's table grows (and a table of keys while a merge key is resolved).

mod anchors;
mod lexeme;
mod merge;
mod scan;
#[cfg(test)]
mod tests;
mod text;

use heapless::Vec;

use crate::error::ParseError;
use crate::format::doc::{Doc, Kind, Node, NodeId, SourceId, Style, Tag};
use crate::format::scalar;
use crate::limits::MAX_NESTING;
use anchors::Anchors;
use lexeme::Given;
use scan::{Lexeme, Scanner, Token};

/// Reads one document. A text without any (empty, or comments alone) has no root; `---` alone has a null root. PyYAML gives `None`
/// for both. A missing value is an empty plain scalar, which is null. Equal keys all stay; the last one wins when looked up.
/// What a merge key `<<` brings stands in front of a mapping's own entries, as aliases, without the keys that it has itself.
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
        merged: 0,
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
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    text: &'a [u8],
    source: SourceId,
    doc: Doc,
    stack: Vec<Frame, MAX_NESTING>,
    anchors: Anchors,
    /// Nodes that merge keys added, against `MAX_VISITS`.
    merged: usize,
}

type Done = Result<(), ParseError>;

impl Parser<'_> {
    fn error(&self, at: usize, expected: &'static str) -> ParseError {
        ParseError::at(self.text, at, expected)
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
                self.empty(lexeme.at);
                Ok(())
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
                self.empty(at);
                Ok(())
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
            self.empty(next.at);
            return Ok(());
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
            self.empty(next.at);
            return Ok(());
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
                let node = Node::new(Kind::Mapping, Style::Flow, self.source, next.at, next.at);
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
    fn attach(&mut self, node: Node) -> NodeId {
        let id = self.doc.push(node);
        match self.stack.last_mut() {
            Some(frame) => {
                self.doc.attach(frame.node, frame.last, id);
                frame.last = Some(id);
            }
            None => self.doc.set_root(id),
        }
        id
    }

    fn empty(&mut self, at: usize) {
        self.attach(Node::new(Kind::Scalar, Style::Plain, self.source, at, at));
    }

    fn open(&mut self, node: Node, state: State, anchor: Option<Lexeme>) -> Done {
        let at = node.start as usize;
        if self.stack.is_full() {
            return Err(scan::nesting(self.text, at));
        }
        let node = self.attach(node);
        if let Some(name) = anchor {
            self.anchors.add(self.text, &name, node)?;
        }
        let _ = self.stack.push(Frame { node, last: None, state, merges: false });
        Ok(())
    }

    fn close(&mut self) -> Done {
        let end = self.scanner.taken_to();
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let node = self.doc.node_mut(frame.node);
        node.end = node.end.max(end as u32);
        if frame.merges {
            merge::resolve(&mut self.doc, self.text, frame.node, &mut self.merged)?;
        }
        Ok(())
    }

    /// One node: anchor and tag in any order, then an alias, a scalar, or the begin of a collection.
    fn node(&mut self, role: Role, place: Place) -> Done {
        let begin = self.scanner.peek()?;
        let (mut anchor, mut tag) = (None, None);
        let mut next = begin;
        loop {
            match next.token {
                Token::Anchor if anchor.is_none() => anchor = Some(next),
                Token::Tag(given) if tag.is_none() => tag = Some(given),
                _ => break,
            }
            self.scanner.next()?;
            next = self.scanner.peek()?;
        }
        let collection = match (next.token, place) {
            (Token::Entry, Place::BlockOrIndentless) => Some((Kind::Sequence, Style::Plain, State::IndentlessItem)),
            (Token::SequenceStart, Place::Block | Place::BlockOrIndentless) => {
                Some((Kind::Sequence, Style::Plain, State::BlockItem))
            }
            (Token::MappingStart, Place::Block | Place::BlockOrIndentless) => {
                Some((Kind::Mapping, Style::Plain, State::BlockKey))
            }
            (Token::FlowSequenceStart, _) => Some((Kind::Sequence, Style::Flow, State::FlowFirstItem)),
            (Token::FlowMappingStart, _) => Some((Kind::Mapping, Style::Flow, State::FlowFirstKey)),
            _ => None,
        };
        if let Some((kind, style, state)) = collection {
            if state != State::IndentlessItem {
                self.scanner.next()?;
            }
            return self.collection(Node::new(kind, style, self.source, next.at, next.end), state, role, tag, anchor);
        }
        match next.token {
            Token::Alias if anchor.is_none() && tag.is_none() => self.alias(role),
            Token::Scalar => {
                self.scanner.next()?;
                self.scalar(next, role, tag, anchor)
            }
            _ if anchor.is_some() || tag.is_some() => {
                self.scalar(Lexeme::new(Token::Scalar, next.at, next.at, next.at), role, tag, anchor)
            }
            _ => Err(self.error(next.at, no_value(next.token))),
        }
    }

    fn collection(
        &mut self,
        mut node: Node,
        state: State,
        role: Role,
        tag: Option<Given>,
        anchor: Option<Lexeme>,
    ) -> Done {
        let at = node.start as usize;
        if role == Role::Key {
            return Err(self.error(at, "a scalar as key: a collection as key is not supported"));
        }
        node.tag = match (tag, node.kind) {
            (None | Some(Given::NonSpecific), _) => Tag::None,
            (Some(Given::Known(Tag::Seq)), Kind::Sequence) => Tag::Seq,
            (Some(Given::Known(Tag::Map)), Kind::Mapping) => Tag::Map,
            _ => return Err(self.error(at, "a value of the kind that its tag names")),
        };
        self.open(node, state, anchor)
    }

    fn alias(&mut self, role: Role) -> Done {
        let name = self.scanner.next()?;
        let target = self.anchors.find(self.text, &name)?;
        if self.stack.iter().any(|frame| frame.node == target) {
            return Err(self.error(name.at, "an alias of a finished node: this one is inside its own anchor"));
        }
        if role == Role::Key && self.doc.node(target).kind != Kind::Scalar {
            return Err(self.error(name.at, "a scalar as key: a collection as key is not supported"));
        }
        let mut node = Node::new(Kind::Alias, Style::Plain, self.source, name.at, name.end);
        node.first = target.0;
        self.attach(node);
        Ok(())
    }

    fn scalar(&mut self, lexeme: Lexeme, role: Role, tag: Option<Given>, anchor: Option<Lexeme>) -> Done {
        let mut node = Node::new(Kind::Scalar, lexeme.style, self.source, lexeme.start, lexeme.end);
        node.chomp = lexeme.chomp;
        if matches!(lexeme.style, Style::Literal | Style::Folded) {
            node.first = lexeme.indent as u32;
        }
        node.tag = match tag {
            None => Tag::None,
            Some(Given::NonSpecific) => scalar::tag_as_plain(&node, self.text),
            Some(Given::Known(Tag::Seq | Tag::Map)) => {
                return Err(self.error(lexeme.at, "a collection behind !!seq or !!map"));
            }
            Some(Given::Known(tag)) => tag,
        };
        if let Err(expected) = scalar::check_tag(&node, self.text) {
            return Err(self.error(lexeme.at, expected));
        }
        if node.style == Style::Plain && node.tag == Tag::None && node.end - node.start <= 2 {
            self.special(&lexeme, role)?;
        }
        let id = self.attach(node);
        match anchor {
            Some(name) => self.anchors.add(self.text, &name, id),
            None => Ok(()),
        }
    }

    /// The two plain scalars that YAML 1.1 gives a meaning as keys and PyYAML refuses as values: `<<` and `=`.
    fn special(&mut self, lexeme: &Lexeme, role: Role) -> Done {
        match (&self.text[lexeme.start..lexeme.end], role) {
            (b"<<", Role::Key) => {
                if let Some(frame) = self.stack.last_mut() {
                    frame.merges = true;
                }
                Ok(())
            }
            (b"<<", _) => Err(self.error(lexeme.at, "a value: `<<` is a merge key, as text it needs quotes")),
            (b"=", Role::Item | Role::Value) => Err(self.error(lexeme.at, "a value: `=` as text needs quotes")),
            _ => Ok(()),
        }
    }
}

/// What to say of a token that no value begins with.
fn no_value(token: Token) -> &'static str {
    match token {
        Token::StreamEnd | Token::DocumentEnd | Token::DocumentStart => "a value, not the end of the document",
        Token::FlowEntry => "a value before `,`",
        Token::Value => "a key before `:`",
        Token::FlowSequenceEnd => "a value, not `]`",
        Token::FlowMappingEnd => "a value, not `}`",
        _ => "a value",
    }
}
