//! ENI: `/etc/network/interfaces`, the file of Debian's ifupdown, with what ifupdown-ng and busybox add to its grammar.
//!
//! | stanza | options |
//! | --- | --- |
//! | `auto NAME…`, `allow-CLASS NAME…`, `no-auto-down NAME…`, `no-scripts NAME…`, `rename CUR=NEW…` | none |
//! | `source PATH…`, `source-directory PATH…` (or `source-dir`) | none |
//! | `mapping PATTERN…` | `script` (once), `map` |
//! | `iface NAME [FAMILY [METHOD]] [inherits PARENT]` | any: the first word is its name, the rest of the line its value |
//! | `template NAME` and so on as `iface` (ifupdown-ng) | as of `iface` |
//!
//! A stanza goes on until a line that begins another; indentation means nothing. A line whose first character behind blanks is
//! `#` is a comment; a `#` further on is text. A `\` at the very end of a line continues it, unless it is a comment. Options may be
//! repeated, and their order counts. What all this means (which families, methods and options there are, what
//! a parent hands down) is the caller's, and so is opening what `source` names.
//!
//! Where the dialects differ: `iface NAME` alone is ifupdown-ng's, where ifupdown wants a family and a method, or `inherits`; a
//! lone `auto` inside an `iface` stanza is its option there. An option without a value is refused, as by ifupdown.
//! Sources: interfaces(5) of ifupdown 0.8.41 and of ifupdown-ng 0.11.4, and what these two say to the odd cases; busybox 1.35.

use alloc::borrow::Cow;
use alloc::string::String;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::combinator::recognize;
use nom::multi::{many0_count, many1_count};
use nom::sequence::terminated;
use nom::{IResult, Parser};

use crate::error::{self, ParseError};

/// Reads an interfaces file. Nothing is allocated, neither here nor while stanzas and options are looked at.
///
/// # Errors
/// The first word that the grammar does not allow, or the end of the line that lacks one; a text that is not UTF-8.
pub fn parse(text: &[u8]) -> Result<Interfaces<'_>, ParseError> {
    if let Err(error) = core::str::from_utf8(text) {
        return Err(ParseError::at(text, error.valid_up_to(), "UTF-8 text"));
    }
    let interfaces = Interfaces { text };
    let mut items = interfaces.items();
    while let Some(item) = items.next() {
        item.map_err(|fault| interfaces.error(fault.at, fault.expected))?;
    }
    Ok(interfaces)
}

/// A file that [`parse`] has read.
#[derive(Clone, Copy, Debug)]
pub struct Interfaces<'a> {
    text: &'a [u8],
}

impl<'a> Interfaces<'a> {
    /// The stanzas, in order.
    pub fn stanzas(&self) -> Stanzas<'a> {
        Stanzas { items: self.items() }
    }

    /// At most so many of its first bytes.
    pub fn head(&self, max: usize) -> Cow<'a, str> {
        String::from_utf8_lossy(&self.text[..max.min(self.text.len())])
    }

    /// Line and column, from 1, of a piece of this file.
    pub fn position(&self, piece: Text<'a>) -> (u32, u32) {
        // The piece is a slice of the text: the distance of their first bytes is its offset.
        error::position(self.text, piece.0.as_ptr().addr() - self.text.as_ptr().addr())
    }

    /// What is wrong with a piece of this file.
    pub fn error(&self, piece: Text<'a>, expected: impl Into<Cow<'static, str>>) -> ParseError {
        let (line, column) = self.position(piece);
        ParseError::new(line, column, expected)
    }

    fn items(&self) -> Items<'a> {
        let text = self.text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(self.text);
        // A `\` that ends the text continues the last line with nothing.
        Items { rest: text.strip_suffix(b"\\").unwrap_or(text), inside: Inside::Nothing }
    }
}

/// What a stanza is, by its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// `auto`, `allow-auto`: names or patterns (`/eth*=eth`) of interfaces to be brought up at boot.
    Auto,
    /// `allow-CLASS`: those to be brought up by whoever asks for the class ([`Stanza::class`]).
    Allow,
    /// `no-auto-down`: those to be left up at shutdown.
    NoAutoDown,
    /// `no-scripts`: those without the hooks in `/etc/network/if-*.d`.
    NoScripts,
    /// `rename`: pairs `CUR=NEW`.
    Rename,
    /// `source`: paths, with wildcards; relative ones are in this file's directory.
    Source,
    /// `source-directory`, `source-dir`: directories, likewise; of the files in them those with a name that [`is_sourced`].
    SourceDirectory,
    /// `mapping`: patterns of names; which logical interface a physical one becomes is for the option `script` to say.
    Mapping,
    /// `iface`: see [`Stanza::iface`].
    Iface,
    /// `template`: as `iface`, only there to be inherited from.
    Template,
}

static KEYWORDS: [(&str, Keyword); 11] = [
    ("auto", Keyword::Auto),
    ("iface", Keyword::Iface),
    ("allow-auto", Keyword::Auto),
    ("no-auto-down", Keyword::NoAutoDown),
    ("no-scripts", Keyword::NoScripts),
    ("rename", Keyword::Rename),
    ("source", Keyword::Source),
    ("source-directory", Keyword::SourceDirectory),
    ("source-dir", Keyword::SourceDirectory),
    ("mapping", Keyword::Mapping),
    ("template", Keyword::Template),
];

/// How the names of classes begin.
const ALLOW: &[u8] = b"allow-";

/// One stanza.
#[derive(Clone, Debug)]
pub struct Stanza<'a> {
    /// What it is.
    pub keyword: Keyword,
    /// Its first line: the keyword as written, and what stands behind it.
    pub head: Setting<'a>,
    /// Its options: of a mapping, an interface and a template.
    pub options: Options<'a>,
}

impl<'a> Stanza<'a> {
    /// Of `allow-CLASS`, the class.
    pub fn class(&self) -> Text<'a> {
        Text(self.head.name.0.strip_prefix(ALLOW).unwrap_or_default())
    }

    /// What the first line of an `iface` or `template` says.
    pub fn iface(&self) -> Iface<'a> {
        // `parse` saw that nothing is missing.
        Iface::of(&self.head).unwrap_or_else(|fault| Iface::named(fault.at, fault.at))
    }
}

/// The definition of a logical interface. Several of the same name add up.
#[derive(Clone, Copy, Debug)]
pub struct Iface<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// `inet`, `inet6`, …
    pub family: Option<Text<'a>>,
    /// `static`, `dhcp`, …; never without a family.
    pub method: Option<Text<'a>>,
    /// The `iface` or `template` whose options it has too.
    pub inherits: Option<Text<'a>>,
    /// Words behind all that, empty for none. ifupdown warns of them and goes on.
    pub extra: Text<'a>,
}

impl<'a> Iface<'a> {
    fn named(name: Text<'a>, extra: Text<'a>) -> Self {
        Iface { name, family: None, method: None, inherits: None, extra }
    }

    fn of(head: &Setting<'a>) -> Result<Self, Fault<'a>> {
        let (mut words, end) = (head.value.words(), head.value.end());
        let Some(name) = words.next() else { return fault(head.name.end(), "the name of an interface") };
        let mut iface = Iface::named(name, end);
        // The word before is `inherits`.
        let mut before_parent = false;
        for word in words {
            let is_inherits = !before_parent && iface.inherits.is_none() && word.is("inherits");
            match (iface.family, iface.method) {
                _ if before_parent => iface.inherits = Some(word),
                _ if is_inherits => {}
                (None, _) if iface.inherits.is_none() => iface.family = Some(word),
                (Some(_), None) if iface.inherits.is_none() => iface.method = Some(word),
                _ => {
                    iface.extra = head.value.from(word);
                    break;
                }
            }
            before_parent = is_inherits;
        }
        match iface {
            _ if before_parent => fault(end, "a name behind `inherits`"),
            Iface { family: Some(_), method: None, inherits: None, .. } => {
                fault(end, "a method behind the family, or `inherits`")
            }
            iface => Ok(iface),
        }
    }
}

/// One option: a line in a stanza.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The first word.
    pub name: Text<'a>,
    /// The rest of the line.
    pub value: Text<'a>,
}

/// A piece of one line, without blanks around it; continued lines stand in it as they were written.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// The text on one line; only a continued one is a copy.
    pub fn joined(&self) -> Cow<'a, str> {
        match String::from_utf8_lossy(self.0) {
            text if text.contains('\n') => Cow::Owned(text.replace("\\\r\n", "").replace("\\\n", "")),
            text => text,
        }
    }

    /// Its words. Of nothing there are none.
    pub fn words(&self) -> Words<'a> {
        Words { rest: self.0 }
    }

    /// True if this is its text.
    pub fn is(&self, text: &str) -> bool {
        let (mut rest, mut text) = (self.0, text.as_bytes());
        loop {
            if let Ok((after, _)) = continuation(rest) {
                rest = after;
                continue;
            }
            match (rest, text) {
                ([], []) => return true,
                ([one, after @ ..], [other, tail @ ..]) if one == other => (rest, text) = (after, tail),
                _ => return false,
            }
        }
    }

    /// True without a word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its end that begins with `word`, a word of it.
    fn from(&self, word: Text<'a>) -> Text<'a> {
        Text(&self.0[word.0.as_ptr().addr() - self.0.as_ptr().addr()..])
    }

    /// The place behind it.
    fn end(&self) -> Text<'a> {
        Text(&self.0[self.0.len()..])
    }
}

/// True for the name of a file that `source-directory` takes; others (`eth0.dpkg-new`, `eth0~`) are passed over.
pub fn is_sourced(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Iterator over stanzas.
#[derive(Clone, Debug)]
pub struct Stanzas<'a> {
    items: Items<'a>,
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Stanza<'a>;

    fn next(&mut self) -> Option<Stanza<'a>> {
        loop {
            if let (Some(keyword), head) = self.items.next()?.ok()? {
                return Some(Stanza { keyword, head, options: Options { items: self.items.clone() } });
            }
        }
    }
}

/// Iterator over the options of a stanza.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    items: Items<'a>,
}

impl<'a> Iterator for Options<'a> {
    type Item = Setting<'a>;

    fn next(&mut self) -> Option<Setting<'a>> {
        match self.items.next() {
            Some(Ok((None, option))) => Some(option),
            _ => {
                self.items.rest = &[];
                None
            }
        }
    }
}

/// A place, and what was expected there.
struct Fault<'a> {
    at: Text<'a>,
    expected: &'static str,
}

fn fault<'a, T>(at: Text<'a>, expected: &'static str) -> Result<T, Fault<'a>> {
    Err(Fault { at, expected })
}

/// Which options may stand on the next line.
#[derive(Clone, Copy, Debug)]
enum Inside {
    Nothing,
    Mapping { has_script: bool },
    Iface,
}

/// The lines, and what each of them is: what begins a stanza has a keyword.
#[derive(Clone, Debug)]
struct Items<'a> {
    rest: &'a [u8],
    inside: Inside,
}

type Item<'a> = (Option<Keyword>, Setting<'a>);

impl<'a> Items<'a> {
    /// The next line that says something, as its first word and the rest.
    fn line(&mut self) -> Option<Setting<'a>> {
        // Any text is lines. That there is no word here, or a comment without a line end, means that the text is over.
        let (rest, _) = many0_count(silent_line).parse(self.rest).ok()?;
        if (blanks, tag("#")).parse(rest).is_ok() {
            return None;
        }
        let (mut rest, (_, name)) = (gap, word).parse(rest).ok()?;
        let start = gap(rest).map_or(rest, |(start, _)| start);
        let mut end = start;
        while let Ok((after, _)) = (gap, word).parse(rest) {
            (rest, end) = (after, after);
        }
        self.rest = rest;
        Some(Setting { name: Text(name), value: Text(&start[..start.len() - end.len()]) })
    }

    fn next(&mut self) -> Option<Result<Item<'a>, Fault<'a>>> {
        let line = self.line()?;
        let keyword = self.keyword(&line);
        let checked = match keyword {
            None => self.check_option(&line),
            Some(keyword) => self.begin(keyword, &line),
        };
        Some(checked.map(|()| (keyword, line)))
    }

    /// What the line begins.
    fn keyword(&self, line: &Setting<'a>) -> Option<Keyword> {
        match KEYWORDS.iter().find(|(word, _)| line.name.is(word)) {
            // ifupdown-ng's option.
            Some((_, Keyword::Auto)) if line.value.is_empty() && matches!(self.inside, Inside::Iface) => None,
            Some((_, keyword)) => Some(*keyword),
            None => {
                let class = line.name.0.strip_prefix(ALLOW).filter(|class| !Text(class).is(""));
                class.map(|_| Keyword::Allow)
            }
        }
    }

    fn begin(&mut self, keyword: Keyword, line: &Setting<'a>) -> Result<(), Fault<'a>> {
        self.inside = match keyword {
            Keyword::Mapping => Inside::Mapping { has_script: false },
            Keyword::Iface | Keyword::Template => Inside::Iface,
            _ => Inside::Nothing,
        };
        match keyword {
            Keyword::Iface | Keyword::Template => Iface::of(line).map(|_| ()),
            Keyword::Source | Keyword::SourceDirectory if line.value.is_empty() => fault(line.name.end(), "a path"),
            _ => Ok(()),
        }
    }

    fn check_option(&mut self, line: &Setting<'a>) -> Result<(), Fault<'a>> {
        match &mut self.inside {
            Inside::Nothing => fault(line.name, "a stanza (`iface`, `auto`, …) before an option"),
            Inside::Mapping { has_script } => match (line.name.is("script"), line.name.is("map")) {
                (true, _) if *has_script => fault(line.name, "one `script` in a mapping"),
                (false, false) => fault(line.name, "`script` or `map` in a mapping"),
                (is_script, _) => {
                    *has_script |= is_script;
                    Ok(())
                }
            },
            Inside::Iface if line.value.is_empty() && !line.name.is("auto") => {
                fault(line.name.end(), "a value behind the option's name")
            }
            Inside::Iface => Ok(()),
        }
    }
}

/// Iterator over the words of a text.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Words<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        let (rest, (_, word)) = (gap, word).parse(self.rest).ok()?;
        self.rest = rest;
        Some(Text(word))
    }
}

type Parsed<'a> = IResult<&'a [u8], &'a [u8], ()>;

/// As isspace(3) has it, but for the line's end.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\x0B' | b'\x0C')
}

/// A `\`, and the line end that it hides.
fn continuation(input: &[u8]) -> Parsed<'_> {
    alt((tag("\\\n"), tag("\\\r\n"))).parse(input)
}

fn blanks(input: &[u8]) -> Parsed<'_> {
    take_while(is_blank).parse(input)
}

/// Blanks and continued lines, if any.
fn gap(input: &[u8]) -> Parsed<'_> {
    recognize((blanks, many0_count((continuation, blanks)))).parse(input)
}

fn word(input: &[u8]) -> Parsed<'_> {
    let plain = take_while1(|byte| !is_blank(byte) && !matches!(byte, b'\n' | b'\\'));
    recognize(many1_count(alt((plain, continuation, tag("\\"))))).parse(input)
}

/// A comment, or nothing, and the line's end.
fn silent_line(input: &[u8]) -> Parsed<'_> {
    let comment = recognize((blanks, tag("#"), take_while(|byte| byte != b'\n')));
    terminated(alt((comment, gap)), tag("\n")).parse(input)
}

#[cfg(test)]
mod tests;
