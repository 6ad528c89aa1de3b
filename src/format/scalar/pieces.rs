//! Raw scalars into decoded text, piece by piece: slices of the source as long as they are, and what stands between them.
//!
//! The spans come from the parsers, which checked every escape; what they would have refused decodes to U+FFFD.

use crate::format::doc::{Node, Style};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Of each byte only the high bit counts: it is set where a byte of `word` is zero (and perhaps above such a byte).
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

const fn all(byte: u8) -> u64 {
    ONES * byte as u64
}

/// Without this bit, the first bytes of line ends beyond ASCII are one.
const EITHER: u8 = 0xC2 ^ 0xE2;
/// For [`find_stop`]: the first byte of a line end beyond ASCII.
pub(crate) const BREAK: u8 = 0xC2;
/// For [`find_stop`]: `"`.
pub(crate) const QUOTE: u8 = b'"' & !EITHER;

/// Offset of the first control character below the space, of `one`, `two` or (but for the bit [`EITHER`]) `pair`, or the length. Eight
/// bytes at a time.
pub(crate) fn find_stop(text: &[u8], one: u8, two: u8, pair: u8) -> usize {
    let (one, two, pair) = (all(one), all(two), all(pair));
    let mut rest = text;
    while !rest.is_empty() {
        let (word, behind) = match rest.split_first_chunk() {
            Some((bytes, behind)) => (u64::from_le_bytes(*bytes), behind),
            // The last ones, and zeros behind them: a hit there is the end.
            None => (last_word(rest), &rest[..0]),
        };
        // The lowest bit that is set is always right: what borrows into a byte is a hit below it.
        let found = (zeros(word ^ one)
            | zeros(word ^ two)
            | zeros(word & all(!EITHER) ^ pair)
            | word.wrapping_sub(all(b' ')) & !word)
            & HIGHS;
        if found != 0 {
            return text.len() - rest.len() + rest.len().min(found.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    text.len()
}

/// Less than eight bytes, and zeros behind them. In a few loads that overlap: most texts are short.
fn last_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (bytes.len() - 4));
    }
    let at = |at: usize| bytes.get(at).map_or(0, |byte| u64::from(*byte) << (8 * at));
    at(0) | at(1) | at(2)
}

/// Length of the line end at `at`, 0 if there is none: those of ASCII, and U+0085, U+2028 and U+2029 (YAML 1.1 section 5.4).
#[inline]
pub(crate) fn break_length(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'\n' | b'\r' | 0xC2 | 0xE2) => length_there(&text[at..]),
        _ => 0,
    }
}

fn length_there(text: &[u8]) -> usize {
    match text {
        [b'\r', b'\n', ..] | [0xC2, 0x85, ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => 3,
        _ => 0,
    }
}

/// True for a line end that stays in the text as it is: the others are all the same.
fn stays(text: &[u8], at: usize) -> bool {
    break_length(text, at) == 3
}

/// Offset of the first line end, or the length.
pub(crate) fn find_break(text: &[u8]) -> usize {
    find_special(text, b'\n')
}

/// Offset of the first line end or `special`, or the length.
fn find_special(text: &[u8], special: u8) -> usize {
    let mut at = 0;
    loop {
        at += find_stop(&text[at..], special, special, BREAK);
        if at == text.len() || text[at] == special || break_length(text, at) > 0 {
            return at;
        }
        at += 1;
    }
}

/// Offset of the first character that YAML does not allow (YAML 1.1 section 5.1); `text` is UTF-8.
pub(crate) fn find_unprintable(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        // Control bytes, and the first bytes of U+0080 to U+00BF and of U+F000 to U+FFFF; those of U+2000 to U+2FFF are beside them.
        at += find_stop(&text[at..], 0x7F, 0xEF, BREAK);
        let (second, third) = (text.get(at + 1).copied().unwrap_or(0), text.get(at + 2).copied().unwrap_or(0));
        match text.get(at)? {
            b'\t' | b'\n' | b'\r' => at += 1,
            0xE2 => at += 1,
            0xC2 if second >= 0xA0 || second == 0x85 => at += 2,
            0xEF if second != 0xBF || third < 0xBE => at += 3,
            _ => return Some(at),
        }
    }
}

/// One step of decoding.
enum Piece<'a> {
    /// Of the text.
    Text(&'a [u8]),
    /// What stands for something else in the text.
    Made(&'static [u8]),
    Char(char),
}

/// Decodes a scalar; nodes of other kinds decode to nothing.
pub(crate) struct Decoder<'a> {
    text: &'a [u8],
    style: Style,
    at: usize,
    end: usize,
    indent: usize,
    /// A space that stands for a line end comes next.
    space: bool,
    /// Where line ends stand that come next, with blanks between them.
    line_ends: core::ops::Range<usize>,
    /// What was decoded and not taken yet: a slice, else what is left of one character.
    slice: &'a [u8],
    /// Where in the text the slice ends.
    slice_end: usize,
    character: [u8; 4],
    character_left: core::ops::Range<usize>,
}

impl<'a> Decoder<'a> {
    pub fn new(node: &Node, text: &'a [u8]) -> Self {
        Decoder {
            text,
            style: node.style(),
            at: node.start as usize,
            end: node.end() as usize,
            indent: node.indent as usize,
            space: false,
            line_ends: 0..0,
            slice: &[],
            slice_end: node.start as usize,
            character: [0; 4],
            character_left: 0..0,
        }
    }

    /// Fills `out` as far as the scalar goes.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < out.len() {
            let Some(chunk) = self.peek() else { break };
            let length = chunk.len().min(out.len() - filled);
            out[filled..filled + length].copy_from_slice(&chunk[..length]);
            self.take(length);
            filled += length;
        }
        filled
    }

    /// The next bytes, at least one; `None` at the end.
    pub fn chunk(&mut self) -> Option<&[u8]> {
        self.peek()?;
        if self.slice.is_empty() {
            let range = core::mem::take(&mut self.character_left);
            return Some(&self.character[range]);
        }
        Some(core::mem::take(&mut self.slice))
    }

    /// The next bytes, left where they are.
    pub fn peek(&mut self) -> Option<&[u8]> {
        while self.slice.is_empty() && self.character_left.is_empty() {
            match self.piece()? {
                Piece::Text(text) => self.slice = text,
                Piece::Made(text) => {
                    self.slice = text;
                    self.slice_end = self.at + text.len();
                }
                Piece::Char(char) => self.character_left = 0..char.encode_utf8(&mut self.character).len(),
            }
        }
        if self.slice.is_empty() { Some(&self.character[self.character_left.clone()]) } else { Some(self.slice) }
    }

    /// Goes over `length` of the bytes that [`Decoder::peek`] gave.
    pub fn take(&mut self, length: usize) {
        if self.slice.is_empty() {
            self.character_left.start += length;
        } else {
            self.slice = &self.slice[length..];
        }
    }

    /// Where in the text the next byte stands, if it stands there as such.
    pub fn offset(&self) -> usize {
        self.slice_end - self.slice.len()
    }

    fn piece(&mut self) -> Option<Piece<'a>> {
        if core::mem::take(&mut self.space) {
            return Some(Piece::Made(b" "));
        }
        if !self.line_ends.is_empty() {
            return Some(self.line_end());
        }
        if self.at >= self.end {
            return None;
        }
        Some(match self.style {
            Style::Verbatim | Style::JsonLiteral | Style::Flow => Piece::Text(self.up_to(self.end)),
            Style::Plain => self.folding_text(None),
            Style::SingleQuoted => self.folding_text(Some(b'\'')),
            Style::DoubleQuoted => self.folding_text(Some(b'\\')),
            Style::JsonString => self.json(),
            Style::Literal => self.literal_line(),
            Style::Folded => self.folded_line(),
        })
    }

    fn byte(&self) -> u8 {
        if self.at < self.end { self.text[self.at] } else { 0 }
    }

    /// The text from here to `to`, and goes there.
    fn up_to(&mut self, to: usize) -> &'a [u8] {
        let from = core::mem::replace(&mut self.at, to);
        self.slice_end = to;
        &self.text[from..to]
    }

    fn line_break(&mut self) -> bool {
        let length = break_length(&self.text[..self.end], self.at);
        self.at += length;
        length > 0
    }

    /// The next of the line ends that are due, with those of one byte behind it.
    fn line_end(&mut self) -> Piece<'a> {
        let text = &self.text[self.line_ends.clone()];
        let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let text = &text[blanks..];
        let plain = text.iter().take_while(|byte| **byte == b'\n').count();
        let length = if plain > 0 { plain } else { break_length(text, 0) };
        let as_it_is = plain > 0 || stays(text, 0);
        self.line_ends.start += blanks + length.max(1);
        self.slice_end = self.line_ends.start;
        match (as_it_is, length) {
            (true, _) => Piece::Text(&text[..length]),
            (false, 0) => Piece::Made(b""),
            (false, _) => Piece::Made(b"\n"),
        }
    }

    /// Goes over line ends here, with blanks in front of each and behind the last; where the last one ends.
    fn blank_lines(&mut self) -> usize {
        let mut end = self.at;
        loop {
            while self.blank_here() {
                self.at += 1;
            }
            if !self.line_break() {
                return end;
            }
            end = self.at;
        }
    }

    /// A stretch of a plain or quoted scalar. A line end is a space, each further one a line end; blanks around them go.
    fn folding_text(&mut self, special: Option<u8>) -> Piece<'a> {
        let rest = &self.text[self.at..self.end];
        let stop = self.at + special.map_or_else(|| find_break(rest), |special| find_special(rest, special));
        if stop == self.end {
            return Piece::Text(self.up_to(stop));
        }
        match self.text[stop] {
            b'\'' => {
                let text = self.up_to(stop + 1);
                self.at = (stop + 2).min(self.end);
                Piece::Text(text)
            }
            b'\\' if stop > self.at => Piece::Text(self.up_to(stop)),
            b'\\' => self.escape(),
            _ => {
                let mut text = self.up_to(stop);
                while let [shorter @ .., b' ' | b'\t'] = text {
                    text = shorter;
                    self.slice_end -= 1;
                }
                self.line_break();
                let begin = if stays(self.text, stop) { stop } else { self.at };
                self.line_ends = begin..self.blank_lines();
                self.space = self.line_ends.is_empty();
                Piece::Text(text)
            }
        }
    }

    /// An escape of a double-quoted scalar.
    fn escape(&mut self) -> Piece<'a> {
        self.at += 1;
        if self.line_break() {
            self.line_ends = self.at..self.blank_lines();
            return Piece::Made(b"");
        }
        let letter = self.byte();
        self.at += 1;
        Piece::Char(match letter {
            b'0' => '\0',
            b'a' => '\x07',
            b'b' => '\x08',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\x0B',
            b'f' => '\x0C',
            b'r' => '\r',
            b'e' => '\x1B',
            b' ' => ' ',
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'N' => '\u{85}',
            b'_' => '\u{A0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' => self.code(2),
            b'u' => self.utf16(),
            b'U' => self.code(8),
            _ => char::REPLACEMENT_CHARACTER,
        })
    }

    fn hex(&mut self, digits: usize) -> u32 {
        let mut code = 0u32;
        for _ in 0..digits {
            code = (code << 4) | (self.byte() as char).to_digit(16).unwrap_or(0);
            self.at = (self.at + 1).min(self.end);
        }
        code
    }

    fn code(&mut self, digits: usize) -> char {
        char::from_u32(self.hex(digits)).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Four digits, or a surrogate pair of two escapes.
    fn utf16(&mut self) -> char {
        let first = self.hex(4);
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        if !self.text[self.at..self.end].starts_with(b"\\u") {
            return char::REPLACEMENT_CHARACTER;
        }
        let back = self.at;
        self.at += 2;
        let second = self.hex(4);
        if !(0xDC00..0xE000).contains(&second) {
            self.at = back;
            return char::REPLACEMENT_CHARACTER;
        }
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn json(&mut self) -> Piece<'a> {
        let rest = &self.text[self.at..self.end];
        let stop = self.at + find_stop(rest, b'\\', b'\\', QUOTE);
        if stop > self.at {
            return Piece::Text(self.up_to(stop));
        }
        self.at += 1;
        let letter = self.byte();
        self.at += 1;
        Piece::Char(match letter {
            b'b' => '\x08',
            b'f' => '\x0C',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.utf16(),
            b'"' | b'\\' | b'/' => letter as char,
            _ => char::REPLACEMENT_CHARACTER,
        })
    }

    fn skip_indent(&mut self) {
        let most = self.at + self.indent;
        while self.at < most && self.byte() == b' ' {
            self.at += 1;
        }
    }

    fn line_stop(&self) -> usize {
        self.at + find_break(&self.text[self.at..self.end])
    }

    fn literal_line(&mut self) -> Piece<'a> {
        self.skip_indent();
        let stop = self.line_stop();
        if stop < self.end && (self.text[stop] == b'\n' || stays(self.text, stop)) {
            let length = break_length(self.text, stop);
            return Piece::Text(self.up_to(stop + length));
        }
        let text = self.up_to(stop);
        self.line_break();
        self.line_ends = stop..self.at;
        Piece::Text(text)
    }

    /// Goes over blank lines of a block scalar, to the begin of the line behind them; where that is.
    fn block_blanks(&mut self) -> usize {
        loop {
            let line = self.at;
            self.skip_indent();
            if !self.line_break() {
                self.at = line;
                return line;
            }
        }
    }

    fn blank_here(&self) -> bool {
        matches!(self.byte(), b' ' | b'\t')
    }

    /// A line of a folded scalar. Line ends between two lines fold unless one of them begins with a blank.
    fn folded_line(&mut self) -> Piece<'a> {
        let start = self.at;
        if self.block_blanks() > start {
            self.line_ends = start..self.at;
            return Piece::Made(b"");
        }
        self.skip_indent();
        let blank = self.blank_here();
        let stop = self.line_stop();
        let text = self.up_to(stop);
        if !self.line_break() {
            return Piece::Text(text);
        }
        let behind = self.at;
        let line = self.block_blanks();
        self.skip_indent();
        let fold = self.at < self.end && !blank && !self.blank_here() && !stays(self.text, stop);
        self.at = line;
        self.space = fold && behind == line;
        self.line_ends = if fold { behind } else { stop }..line;
        Piece::Text(text)
    }
}
