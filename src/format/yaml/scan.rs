//! Text into tokens, the way PyYAML's scanner cuts it: indentation becomes start and end tokens, and a scalar that turns
//! out to be followed by `:` becomes a key.
//!
//! PyYAML holds every token back that may belong to a key. Only scalars and aliases can be keys here, so at most
//! a node's anchor, tag and scalar wait in the queue, and the queue has a fixed size.

use heapless::Vec;

use crate::error::ParseError;
use crate::format::doc::Style;
use crate::format::scalar::break_length;
use crate::format::yaml::key::PossibleKey;
use crate::format::yaml::lexeme::{self, Given};
use crate::limits::MAX_NESTING;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    /// `%YAML`, true for it; other directives are false.
    Directive(bool),
    /// A block sequence begins at this column.
    SequenceStart,
    /// A block mapping begins at this column.
    MappingStart,
    /// The block collection ends.
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    /// `-`
    Entry,
    /// `,`
    FlowEntry,
    /// `?`, or what stands before a scalar that is a key.
    Key,
    /// `:`
    Value,
    Alias,
    Anchor,
    Tag(Given),
    Scalar,
}

/// A token and where it is. Texts are shorter than 4 GiB, so 32 bits hold an offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexeme {
    pub token: Token,
    /// Its first byte, for messages.
    pub at: u32,
    /// Its content: a name, or a scalar without quotes or header.
    pub start: u32,
    pub end: u32,
    /// Scalars only.
    pub style: Style,
    /// Block scalars only: columns to take off each line.
    pub indent: u8,
}

impl Lexeme {
    pub fn new(token: Token, at: usize, start: usize, end: usize) -> Self {
        Lexeme { token, at: at as u32, start: start as u32, end: end as u32, style: Style::Plain, indent: 0 }
    }
}

/// Tokens that can wait: the ends of all block collections, then what one step of scanning makes.
const QUEUE: usize = MAX_NESTING + 8;

/// A bit for each byte of ASCII, 1 where a plain scalar cannot begin with it.
const NOT_PLAIN: [u64; 2] = {
    let (bytes, mut bits, mut at) = (b"\0 \t,[]{}#&*!|>'\"%@`", [0; 2], 0);
    while at < bytes.len() {
        bits[bytes[at] as usize / 64] |= 1 << (bytes[at] % 64);
        at += 1;
    }
    bits
};

/// The scanner: [`Scanner::peek`] and [`Scanner::next`] give tokens.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    /// Offset of the current line.
    pub(super) line: usize,
    /// Column of the innermost block collection, -1 outside of all.
    pub(super) indent: isize,
    indents: Vec<isize, { MAX_NESTING + 1 }>,
    /// Possible key for each flow level; the last is the current level.
    pub(super) keys: Vec<Option<PossibleKey>, { MAX_NESTING + 2 }>,
    /// A key, `-` or `?` may begin here.
    pub(super) allow_key: bool,
    pub(super) queue: Vec<Lexeme, QUEUE>,
    /// Tokens of the queue already taken.
    taken: usize,
}

pub(super) fn nesting(text: &[u8], at: usize) -> ParseError {
    ParseError::at(text, at, alloc::format!("at most {MAX_NESTING} levels of nesting"))
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        let at = if text.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let mut keys = Vec::new();
        let _ = keys.push(None);
        Scanner {
            text,
            at,
            line: at,
            indent: -1,
            indents: Vec::new(),
            keys,
            allow_key: true,
            queue: Vec::new(),
            taken: 0,
        }
    }

    /// The next token, left where it is.
    pub fn peek(&mut self) -> Result<Lexeme, ParseError> {
        while self.taken == self.queue.len() || self.held() {
            self.fill()?;
        }
        Ok(self.queue[self.taken])
    }

    /// One step of scanning. Apart from [`Scanner::peek`], which is called for every token twice or more and mostly finds one.
    #[inline(never)]
    fn fill(&mut self) -> Result<(), ParseError> {
        if self.taken == self.queue.len() {
            self.queue.clear();
            self.taken = 0;
        }
        self.fetch()
    }

    /// The next token.
    pub fn next(&mut self) -> Result<Lexeme, ParseError> {
        let lexeme = self.peek()?;
        self.taken += 1;
        Ok(lexeme)
    }

    /// The byte `ahead` of the current one; 0, which no text holds, at the end.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Space, tab, line end or the end of the text `ahead` of the current byte.
    fn blank(&self, ahead: usize) -> bool {
        lexeme::blank(self.text, self.at + ahead)
    }

    pub(super) fn column(&self) -> usize {
        self.at - self.line
    }

    /// True inside `[` or `{`.
    pub(super) fn in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    pub(super) fn error(&self, at: usize, expected: &'static str) -> ParseError {
        ParseError::at(self.text, at, expected)
    }

    /// Goes over one line end, if there is one here.
    pub(super) fn line_break(&mut self) -> bool {
        let length = break_length(self.text, self.at);
        if length == 0 {
            return false;
        }
        self.at += length;
        self.line = self.at;
        true
    }

    /// `---` or `...` alone at the begin of a line.
    pub(super) fn at_marker(&self, marker: &[u8]) -> bool {
        self.column() == 0 && self.text[self.at..].starts_with(marker) && self.blank(3)
    }

    fn held(&self) -> bool {
        matches!(self.keys.last(), Some(Some(key)) if !key.collection)
    }

    pub(super) fn push(&mut self, lexeme: Lexeme) -> Result<(), ParseError> {
        let at = lexeme.at as usize;
        self.queue.push(lexeme).map_err(|_| self.error(at, "a value behind one anchor and one tag"))
    }

    /// Puts a token in front of a few that wait.
    pub(super) fn insert(&mut self, index: usize, lexeme: Lexeme) -> Result<(), ParseError> {
        self.push(lexeme)?;
        for at in (index + 1..self.queue.len()).rev() {
            self.queue.swap(at, at - 1);
        }
        Ok(())
    }

    /// A token without content, `length` bytes long.
    pub(super) fn mark(&mut self, token: Token, length: usize) -> Result<(), ParseError> {
        let at = self.at;
        self.at += length;
        self.push(Lexeme::new(token, at, at, self.at))
    }

    fn fetch(&mut self) -> Result<(), ParseError> {
        self.skip_to_token();
        self.drop_stale_keys()?;
        self.unwind(self.column() as isize)?;
        if self.at == self.text.len() {
            self.leave_document()?;
            return self.mark(Token::StreamEnd, 0);
        }
        match self.byte(0) {
            b'%' if self.column() == 0 => {
                self.leave_document()?;
                let (lexeme, after) = lexeme::directive(self.text, self.at)?;
                self.at = after;
                self.push(lexeme)
            }
            b'-' if self.at_marker(b"---") => {
                self.leave_document()?;
                self.mark(Token::DocumentStart, 3)
            }
            b'.' if self.at_marker(b"...") => {
                self.leave_document()?;
                self.mark(Token::DocumentEnd, 3)
            }
            b'[' => self.flow_start(Token::FlowSequenceStart),
            b'{' => self.flow_start(Token::FlowMappingStart),
            b']' => self.flow_end(Token::FlowSequenceEnd),
            b'}' => self.flow_end(Token::FlowMappingEnd),
            b',' => {
                self.remove_key()?;
                self.allow_key = true;
                self.mark(Token::FlowEntry, 1)
            }
            b'-' if self.blank(1) => self.entry(),
            b'?' if self.in_flow() || self.blank(1) => self.key(),
            b':' if self.in_flow() || self.blank(1) => self.value(),
            b'*' => self.alias(),
            b'&' => self.property(lexeme::anchor),
            b'!' => self.property(lexeme::tag),
            b'|' | b'>' if !self.in_flow() => {
                self.remove_key()?;
                self.allow_key = true;
                let lexeme = self.block_scalar()?;
                self.push(lexeme)
            }
            b'\'' | b'"' => {
                self.save_key(false)?;
                self.allow_key = false;
                let lexeme = self.quoted()?;
                self.scalar(lexeme)
            }
            byte if self.plain_begins(byte) => {
                self.save_key(false)?;
                self.allow_key = false;
                let lexeme = self.plain();
                self.scalar(lexeme)
            }
            byte => Err(self.error(self.at, self.no_token(byte))),
        }
    }

    /// What to say of a byte that begins nothing.
    fn no_token(&self, byte: u8) -> &'static str {
        let only_spaces = self.text[self.line..self.at].iter().all(|byte| *byte == b' ');
        match byte {
            b'\t' if only_spaces => "spaces: a tab cannot indent",
            b'\t' => "spaces: a tab cannot separate",
            b'@' | b'`' => "a value: text that begins with `@` or a backquote needs quotes",
            b'%' => "a value: text that begins with `%` needs quotes",
            _ => "a value",
        }
    }

    fn plain_begins(&self, byte: u8) -> bool {
        match byte {
            b'-' => !self.blank(1),
            b'?' | b':' => !self.in_flow() && !self.blank(1),
            byte => NOT_PLAIN.get(usize::from(byte / 64)).is_none_or(|bits| bits >> (byte % 64) & 1 == 0),
        }
    }

    fn skip_to_token(&mut self) {
        loop {
            while self.byte(0) == b' ' {
                self.at += 1;
            }
            if self.byte(0) == b'#' {
                self.at = lexeme::line_end(self.text, self.at);
            }
            if !self.line_break() {
                return;
            }
            if !self.in_flow() {
                self.allow_key = true;
            }
        }
    }

    /// A document marker, directive or the end of the text ends all block collections.
    fn leave_document(&mut self) -> Result<(), ParseError> {
        self.unwind(-1)?;
        self.remove_key()?;
        self.allow_key = false;
        Ok(())
    }

    fn unwind(&mut self, column: isize) -> Result<(), ParseError> {
        if self.in_flow() {
            return Ok(());
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.mark(Token::BlockEnd, 0)?;
        }
        Ok(())
    }

    /// True if a block collection begins at this column.
    pub(super) fn add_indent(&mut self, column: usize) -> Result<bool, ParseError> {
        if self.indent >= column as isize {
            return Ok(false);
        }
        if self.indents.len() >= MAX_NESTING {
            return Err(nesting(self.text, self.line + column));
        }
        let _ = self.indents.push(self.indent);
        self.indent = column as isize;
        Ok(true)
    }

    fn flow_start(&mut self, token: Token) -> Result<(), ParseError> {
        self.save_key(true)?;
        if self.keys.len() > MAX_NESTING {
            return Err(nesting(self.text, self.at));
        }
        let _ = self.keys.push(None);
        self.allow_key = true;
        self.mark(token, 1)
    }

    fn flow_end(&mut self, token: Token) -> Result<(), ParseError> {
        self.remove_key()?;
        if self.in_flow() {
            self.keys.pop();
        }
        self.allow_key = false;
        self.mark(token, 1)
    }

    fn entry(&mut self) -> Result<(), ParseError> {
        if !self.in_flow() {
            if !self.allow_key {
                return Err(self.error(self.at, "a value: a sequence cannot begin on this line"));
            }
            if self.add_indent(self.column())? {
                self.mark(Token::SequenceStart, 0)?;
            }
        }
        self.remove_key()?;
        self.allow_key = true;
        self.mark(Token::Entry, 1)
    }

    fn key(&mut self) -> Result<(), ParseError> {
        if !self.in_flow() {
            if !self.allow_key {
                return Err(self.error(self.at, "a value: a key cannot begin here"));
            }
            if self.add_indent(self.column())? {
                self.mark(Token::MappingStart, 0)?;
            }
        }
        self.remove_key()?;
        self.allow_key = !self.in_flow();
        self.mark(Token::Key, 1)
    }

    fn alias(&mut self) -> Result<(), ParseError> {
        self.save_key(false)?;
        self.allow_key = false;
        let (mut lexeme, after) = lexeme::anchor(self.text, self.at)?;
        lexeme.token = Token::Alias;
        self.at = after;
        self.scalar(lexeme)
    }

    /// An anchor or tag.
    fn property(&mut self, read: lexeme::Reader) -> Result<(), ParseError> {
        self.save_key(false)?;
        self.allow_key = false;
        let (lexeme, after) = read(self.text, self.at)?;
        self.at = after;
        self.push(lexeme)
    }
}
