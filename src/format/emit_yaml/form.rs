//! The form in which a text is written, chosen by a pass over it.

use crate::format::doc::Node;
use crate::format::scalar::{Decoder, find_break, find_unprintable, is_plain_text};

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing in it.
    Empty,
    Plain,
    Quoted,
    Literal {
        /// The indentation must be said: the first line begins with a blank, or is empty.
        indicator: bool,
        chomp: &'static [u8],
    },
    /// Not UTF-8.
    Binary,
}

/// The longest text that is written plain, bytes.
const MAX_PLAIN: usize = 64;

/// Not printable for YAML, a line end to some of its readers, or what quotes need escaped.
pub(super) fn needs_escape(char: char) -> bool {
    matches!(char, '"' | '\\') || special(char)
}

/// Not printable for YAML (section 5.1 of its specification), or a line end to some of its readers.
pub fn special(char: char) -> bool {
    char < ' ' || matches!(char, '\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
}

/// A plain scalar of a document that can be written as it stood, wherever that is. `-` alone is plain in a flow collection only;
/// a byte order mark, `---` and `...` not at the beginning of a line; `:` at the end only before the one of a key.
pub(super) fn stands_plain(raw: &[u8]) -> bool {
    let starts = |with: &str| raw.starts_with(with.as_bytes());
    let odd = raw == b"-" || raw.ends_with(b":") || starts("\u{FEFF}") || starts("---") || starts("...");
    find_break(raw) == raw.len() && !odd
}

/// Letters, digits and what has no meaning to YAML; words that some YAML reader takes for a truth value are not text.
fn plain(text: &[u8]) -> bool {
    let [first, .., last] = text else {
        return matches!(text, [b'a'..=b'z' | b'A'..=b'Z'] if !b"yYnN".contains(&text[0]));
    };
    (first.is_ascii_alphabetic() || matches!(first, b'/' | b'_'))
        && *last != b' '
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-./@=+ ".contains(byte))
        && is_plain_text(text)
}

/// What a pass over the text finds.
struct Survey {
    length: usize,
    head: [u8; MAX_PLAIN],
    /// Characters that only quotes can hold.
    specials: bool,
    utf8: bool,
    line_ends: usize,
    /// Line ends at the end so far.
    trailing: usize,
    last: u8,
}

impl Survey {
    #[inline(never)]
    fn chunk(&mut self, chunk: &[u8]) {
        if let Some(room) = self.head.get_mut(self.length..) {
            let length = room.len().min(chunk.len());
            room[..length].copy_from_slice(&chunk[..length]);
        }
        self.length += chunk.len();
        self.line_ends += chunk.iter().filter(|byte| **byte == b'\n').count();
        let ends = chunk.iter().rev().take_while(|byte| **byte == b'\n').count();
        self.trailing = if ends == chunk.len() { self.trailing + ends } else { ends };
        self.last = chunk.last().copied().unwrap_or(self.last);
        self.specials |= find_unprintable(chunk).is_some() || chunk.contains(&b'\r');
        if !chunk.is_ascii() {
            match core::str::from_utf8(chunk) {
                Ok(text) => self.specials |= text.chars().any(|char| char > '\x7F' && special(char)),
                Err(_) => self.utf8 = false,
            }
        }
    }
}

impl Form {
    /// The form of a text.
    #[inline(never)]
    pub fn of(mut text: Decoder<'_>) -> Form {
        let mut survey =
            Survey { length: 0, head: [0; MAX_PLAIN], specials: false, utf8: true, line_ends: 0, trailing: 0, last: 0 };
        while let Some(chunk) = text.chunk() {
            survey.chunk(chunk);
            if !survey.utf8 {
                return Form::Binary;
            }
        }
        if survey.length <= MAX_PLAIN && plain(&survey.head[..survey.length]) {
            return Form::Plain;
        }
        let blank_end = matches!(survey.last, b' ' | b'\t');
        if survey.line_ends == 0 || survey.specials || blank_end || survey.trailing == survey.length {
            return Form::Quoted;
        }
        let chomp: &[u8] = match survey.trailing {
            0 => b"-",
            1 => b"",
            _ => b"+",
        };
        Form::Literal { indicator: matches!(survey.head[0], b' ' | b'\t' | b'\n'), chomp }
    }

    /// The form of a `!!binary`: whether there is anything in it.
    pub fn tagged(node: &Node, text: &[u8]) -> Form {
        let mut decoder = Decoder::new(node, text);
        while let Some(chunk) = decoder.chunk() {
            if !chunk.iter().all(u8::is_ascii_whitespace) {
                return Form::Binary;
            }
        }
        Form::Empty
    }
}

/// Base64 of `bytes`, four characters at a time; a short group at the end is padded.
pub(super) fn encode(bytes: &[u8], put: &mut dyn FnMut(&[u8])) {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..group.len()].copy_from_slice(group);
        let [a, b, c] = three;
        let indexes = [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63];
        let mut quad = indexes.map(|index| alphabet[index as usize]);
        quad[group.len() + 1..].fill(b'=');
        put(&quad);
    }
}
