//! Templates of the language Jinja, as cloud-init renders user-data with them: `## template: jinja` on the first
//! line, `trim_blocks` on, no automatic escape, undefined variables rendered as `CI_MISSING_JINJA_VAR/NAME`.
//!
//! | | |
//! | --- | --- |
//! | statements | `if`/`elif`/`else`, `for` (with `if`, `else`, unpacking, `loop`), `set x = …`, `raw`, comments, `-` and `+` |
//! | expressions | literals, `.`, `[]`, arithmetic, `~`, comparisons in a chain, `in`, `and`, `or`, `not`, inline `if`, `range()`; the filters, tests and methods of the table in `function` |
//! | not supported | all other statements (`with`, `filter`, macros, `include`, …), a block as value of `set`, namespaces, recursive loops, slices, `**`, `%` of texts, `*args`, integers over 64 bits or in other digits than decimal ones, methods that change a list: each is an error. `upper` and its like leave letters outside ASCII as they are |
//!
//! There is no tree of the template: it is read and carried out at once, a loop's body again for each item, a branch not
//! taken with [`Machine::live`] off. A value is a handle of 16 bytes; texts and items stand in one store, which is cut back behind
//! every `{{ … }}` and every round of a loop. Nothing returns an error: what fails turns `live` off, and what cannot be read leaves
//! no text to read, so every loop and recursion ends at once. The `MAX_TEMPLATE_` constants of `limits` bound the rest.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ParseError;
use crate::limits::{MAX_TEMPLATE_NESTING, MAX_TEMPLATE_OUTPUT, MAX_TEMPLATE_WORK};

mod expression;
mod function;
mod lexer;
mod number;
mod show;
mod statement;
mod value;
mod variables;

#[cfg(test)]
mod tests;

use lexer::Token;
use value::{Span, Value};
pub use variables::Variables;

/// What an undefined variable is rendered as, before its name (cloud-init's `templater.py`).
pub const MISSING: &str = "CI_MISSING_JINJA_VAR/";

/// A text rendered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Undefined variables that became text, each once, in their order; of `a.b` it is `b`.
    pub missing: Vec<String>,
}

/// Renders a template within bounds of its own: [`render_within`].
///
/// # Errors
/// As there.
pub fn render(text: &[u8], variables: &Variables) -> Result<Rendered, ParseError> {
    render_within(text, variables, &mut { MAX_TEMPLATE_WORK })
}

/// Renders a template. Its first line says that it is one (`## template: jinja`, in any case and spacing) and is left out.
/// What it costs is taken from `work`, which several may share ([`MAX_TEMPLATE_WORK`]); also what it becomes, as that is kept.
///
/// # Errors
/// Where, in the template: not UTF-8, another first line, a syntax error, something that is not supported, an operation that
/// does not work on its values (a member of something undefined among them), a bound passed.
pub fn render_within(text: &[u8], variables: &Variables, work: &mut usize) -> Result<Rendered, ParseError> {
    let valid = core::str::from_utf8(text).map_err(|error| ParseError::at(text, error.valid_up_to(), "UTF-8 text"))?;
    let start = template(valid).ok_or_else(|| ParseError::at(text, 0, "`## template: jinja` in the first line"))?;
    let text = &unix(valid);
    // Jinja takes one line end off the end of the text, and cloud-init puts it on again.
    let ends = text[start..].ends_with('\n');
    let mut machine = Machine::new(&text[..text.len() - usize::from(ends)], variables.clone());
    machine.at = start;
    machine.work = *work;
    machine.body(&[]);
    *work = machine.work.saturating_sub(machine.out.len());
    if let Some((at, expected)) = machine.error {
        return Err(ParseError::at(text.as_bytes(), at, expected));
    }
    // A lone carriage return at the end is a line end that goes and does not come back.
    if ends && valid.ends_with('\n') {
        machine.out.push('\n');
    }
    Ok(Rendered { text: machine.out, missing: machine.missing })
}

/// Where the second line begins, if the first is that of a template. (A carriage return before its end is white space.)
fn template(text: &str) -> Option<usize> {
    let end = text.find('\n').unwrap_or(text.len());
    let rest = text[..end].strip_prefix("##")?.trim_start();
    let word = rest.get(..9).filter(|word| word.eq_ignore_ascii_case("template:"))?;
    rest[word.len()..].trim().eq_ignore_ascii_case("jinja").then(|| {
        // `unix` takes the carriage return of this line away.
        let end = end - usize::from(text[..end].ends_with('\r'));
        (end + 1).min(text.len())
    })
}

/// The text with every line end as a line feed.
fn unix(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\r') {
        lines.push_str(&rest[..at]);
        lines.push('\n');
        rest = &rest[at + 1..];
        rest = rest.strip_prefix('\n').unwrap_or(rest);
    }
    lines.push_str(rest);
    lines
}

/// What reads a template and carries it out.
struct Machine<'t> {
    text: &'t str,
    /// The first byte behind [`Machine::token`], or not yet rendered.
    at: usize,
    token: Token<'t>,
    /// Brackets open in the tag being read.
    open: usize,
    /// The tag being read ends with `%}`, not `}}`.
    in_block: bool,
    /// Off where the template is only read: in a branch not taken, behind a fault.
    live: bool,
    /// The text cannot be read on: there is no more of it.
    stopped: bool,
    /// Where it cannot be read, or else the first operation that failed. Behind that the rest is read, since a syntax error
    /// further down is the better message.
    error: Option<(usize, String)>,
    /// Blocks, expressions and values open.
    nesting: usize,
    /// What is left of [`MAX_TEMPLATE_WORK`].
    work: usize,
    out: String,
    store: Variables,
    vars: Vec<(&'t str, Value)>,
    /// Variables from here on belong to the innermost block that has its own.
    scope: usize,
    loops: Vec<Loop>,
    missing: Vec<String>,
}

/// A `for` being carried out.
#[derive(Clone, Copy)]
struct Loop {
    items: Span,
    index: usize,
}

impl<'t> Machine<'t> {
    #[inline(never)]
    fn new(text: &'t str, store: Variables) -> Self {
        Machine {
            text,
            at: 0,
            token: Token::default(),
            open: 0,
            in_block: false,
            live: true,
            stopped: false,
            error: None,
            nesting: 0,
            work: MAX_TEMPLATE_WORK,
            out: String::new(),
            store,
            vars: Vec::new(),
            scope: 0,
            loops: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// An error; `$` in what was expected stands for the name. `stops`: the text cannot be read on.
    #[cold]
    #[inline(never)]
    fn fail(&mut self, stops: bool, at: usize, expected: &str, name: &str) {
        if self.stopped || !(stops || self.live) {
            return;
        }
        let (before, after) = expected.split_once('$').unwrap_or((expected, ""));
        self.error = Some((at, [before, if after.is_empty() { "" } else { name }, after].concat()));
        self.live = false;
        if stops {
            self.stopped = true;
            self.at = self.text.len();
            self.token = Token { start: self.at, ..Token::default() };
        }
    }

    /// The text cannot be read.
    #[cold]
    fn stop(&mut self, at: usize, expected: &str) {
        self.fail(true, at, expected, "");
    }

    /// An operation that does not work; it has no value.
    #[cold]
    fn fault(&mut self, at: usize, expected: &str) -> Value {
        self.fail(false, at, expected, "");
        Value::None
    }

    /// Something undefined where a value is needed.
    #[cold]
    #[inline(never)]
    fn undefined(&mut self, at: usize, name: Span) -> Value {
        let name = String::from(self.text(name));
        self.fail(false, at, "`$` to be defined", &name);
        Value::None
    }

    /// Behind something that was only read: as before, unless something failed.
    fn revive(&mut self, before: bool) {
        self.live = before && self.error.is_none();
    }

    /// One more block, expression or value inside another. Its end takes one off `nesting`.
    #[inline(never)]
    fn enter(&mut self) {
        const { assert!(MAX_TEMPLATE_NESTING == 64, "the words below say 64") };
        self.nesting += 1;
        if self.nesting > MAX_TEMPLATE_NESTING {
            self.stop(self.token.start, "at most 64 blocks, expressions and values inside each other");
        }
    }

    /// Counts work. False if it is too much.
    #[inline(never)]
    fn spend(&mut self, work: usize) -> bool {
        const { assert!(MAX_TEMPLATE_WORK == 64 << 20, "the words below say 64 MiB") };
        match self.work.checked_sub(work) {
            Some(left) => self.work = left,
            None => self.stop(self.token.start, "templates that take less than 64 MiB of work, all together"),
        }
        !self.stopped
    }

    /// Adds to what is rendered.
    fn emit(&mut self, text: &str) {
        const { assert!(MAX_TEMPLATE_OUTPUT == 16 << 20, "the words below say 16 MiB") };
        if !self.live {
        } else if text.len() > MAX_TEMPLATE_OUTPUT - self.out.len() {
            self.stop(self.token.start, "at most 16 MiB of output");
        } else {
            self.out.push_str(text);
        }
    }
}
