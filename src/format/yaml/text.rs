//! Where scalars end: plain, quoted and block. Their text is decoded when it is read (`format::scalar`).

use crate::error::ParseError;
use crate::format::doc::Style;
use crate::format::scalar::{BREAK, break_length, find_stop};
use crate::format::yaml::lexeme::{self, Chomp};
use crate::format::yaml::scan::{Lexeme, Scanner, Token};
use crate::limits::MAX_BLOCK_INDENT;

const _: () = assert!(MAX_BLOCK_INDENT == u8::MAX as usize, "the words below say 255");
const TOO_DEEP: &str = "text indented by at most 255 columns";

/// Where to look more closely in a plain scalar of a block, and in one of a flow collection.
const BLOCK: u8 = 1;
const FLOW: u8 = 2;

const STOPS: [u8; 256] = {
    let mut stops = [0; 256];
    let mut byte = 0;
    while byte < stops.len() {
        stops[byte] = match byte as u8 {
            b'\t' | b'\r' | b'\n' | 0xC2 | 0xE2 | b':' | b'#' => BLOCK | FLOW,
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => FLOW,
            _ => 0,
        };
        byte += 1;
    }
    stops
};

impl Scanner<'_> {
    fn at_document_marker(&self) -> bool {
        matches!(self.byte(0), b'-' | b'.') && (self.at_marker(b"---") || self.at_marker(b"..."))
    }

    /// A plain scalar. It may go over lines that are indented deeper than the collection around it.
    pub(super) fn plain(&mut self) -> Lexeme {
        let start = self.at;
        let mut end = start;
        loop {
            let from = self.at;
            let stretch = self.plain_stretch();
            if stretch == from {
                break;
            }
            self.allow_key = false;
            end = stretch;
            if !self.plain_break() || (!self.in_flow() && (self.column() as isize) <= self.indent) {
                break;
            }
        }
        Lexeme::new(Token::Scalar, start, start, end)
    }

    /// Goes over words and the spaces between and behind them, up to the end of the line or what ends a scalar; the offset behind
    /// the last word.
    fn plain_stretch(&mut self) -> usize {
        let stop = if self.in_flow() { FLOW } else { BLOCK };
        let from = self.at;
        let mut at = from;
        loop {
            while self.text.get(at).is_some_and(|byte| STOPS[usize::from(*byte)] & stop == 0) {
                at += 1;
            }
            let next = self.text.get(at + 1).copied().unwrap_or(0);
            let goes_on = match self.text.get(at) {
                Some(b':') => !lexeme::blank(self.text, at + 1) && (stop == BLOCK || !b",[]{}".contains(&next)),
                Some(0xC2 | 0xE2) => break_length(self.text, at) == 0,
                Some(b'#') => at > from && self.text[at - 1] != b' ',
                _ => false,
            };
            if !goes_on {
                break;
            }
            at += 1;
        }
        self.at = at;
        while at > from && self.text[at - 1] == b' ' {
            at -= 1;
        }
        at
    }

    /// Goes over line ends and the spaces behind them; false if the scalar cannot go on there.
    fn plain_break(&mut self) -> bool {
        if !self.line_break() {
            return false;
        }
        self.allow_key = true;
        loop {
            if self.at_document_marker() {
                return false;
            }
            while self.byte(0) == b' ' {
                self.at += 1;
            }
            if !self.line_break() {
                return true;
            }
        }
    }

    /// A quoted scalar, single or double.
    pub(super) fn quoted(&mut self) -> Result<Lexeme, ParseError> {
        let open = self.at;
        let quote = self.byte(0);
        let double = quote == b'"';
        self.at += 1;
        let start = self.at;
        let escape = if double { b'\\' } else { quote };
        loop {
            self.at += find_stop(&self.text[self.at..], quote, escape, BREAK);
            let Some(byte) = self.text.get(self.at).copied() else {
                let words = if double {
                    "`\"` to end the text that begins here"
                } else {
                    "`'` to end the text that begins here"
                };
                return Err(self.error(open, words));
            };
            match byte {
                b'\r' | b'\n' | 0xC2 | 0xE2 if break_length(self.text, self.at) > 0 => self.quoted_break()?,
                b'\'' if !double && self.byte(1) == b'\'' => self.at += 2,
                b'\\' if double && break_length(self.text, self.at + 1) > 0 => {
                    self.at += 1;
                    self.quoted_break()?;
                }
                b'\\' if double => self.at = lexeme::escape(self.text, self.at)?,
                byte if byte == quote => break,
                _ => self.at += 1,
            }
        }
        let mut lexeme = Lexeme::new(Token::Scalar, open, start, self.at);
        lexeme.style = if double { Style::DoubleQuoted } else { Style::SingleQuoted };
        self.at += 1;
        Ok(lexeme)
    }

    fn quoted_break(&mut self) -> Result<(), ParseError> {
        self.line_break();
        if self.at_document_marker() {
            return Err(self.error(self.at, "the rest of a quoted text, not the end of the document"));
        }
        Ok(())
    }

    /// Goes over up to `indent` spaces, and over line ends as long as nothing else follows; the offset behind the
    /// last line end.
    fn block_breaks(&mut self, indent: usize) -> usize {
        let mut end = self.at;
        loop {
            while self.column() < indent && self.byte(0) == b' ' {
                self.at += 1;
            }
            if !self.line_break() {
                return end;
            }
            end = self.at;
        }
    }

    /// Goes over blank lines and spaces in front of the content: the widest line, and the offset behind the last line end.
    fn block_indentation(&mut self) -> (usize, usize) {
        let (mut widest, mut end) = (0, self.at);
        loop {
            while self.byte(0) == b' ' {
                self.at += 1;
            }
            widest = widest.max(self.column());
            if !self.line_break() {
                return (widest, end);
            }
            end = self.at;
        }
    }

    /// A literal or folded scalar. Its span ends where its chomping says: with the last text, with the line end behind it,
    /// or with all line ends.
    pub(super) fn block_scalar(&mut self) -> Result<Lexeme, ParseError> {
        let open = self.at;
        let style = if self.byte(0) == b'|' { Style::Literal } else { Style::Folded };
        let ((chomp, given), after) = lexeme::block_header(self.text, open + 1)?;
        self.at = after;
        self.line_break();
        let start = self.at;
        let least = (self.indent + 1).max(1) as usize;
        let (indent, mut all) = match given {
            Some(columns) => {
                let indent = least + columns - 1;
                (indent, self.block_breaks(indent))
            }
            None => {
                let (widest, end) = self.block_indentation();
                (widest.max(least), end)
            }
        };
        let Ok(columns) = u8::try_from(indent) else { return Err(self.error(open, TOO_DEEP)) };
        let (mut content, mut line) = (start, start);
        while self.column() == indent && self.at < self.text.len() {
            content = lexeme::line_end(self.text, self.at);
            self.at = content;
            self.line_break();
            line = self.at;
            all = self.block_breaks(indent);
        }
        let end = match chomp {
            Chomp::Strip => content,
            Chomp::Clip => line,
            Chomp::Keep => all,
        };
        Ok(Lexeme { style, indent: columns, ..Lexeme::new(Token::Scalar, open, start, end) })
    }
}
