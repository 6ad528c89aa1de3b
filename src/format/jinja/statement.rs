//! The text and its tags: what is rendered as it stands, and the statements.

use alloc::vec::Vec;

use super::lexer::{IF, IN, trimmed};
use super::value::{Span, Value};
use super::{Loop, Machine};

impl<'t> Machine<'t> {
    /// Renders up to a statement of one of these names, which is passed and returned; without names, to the text's end.
    #[inline(never)]
    pub(super) fn body(&mut self, ends: &[&str]) -> &'t str {
        self.enter();
        let text = self.text;
        let end = loop {
            let rest = self.rest();
            let open = find_tag(rest).unwrap_or(rest.len());
            self.spend(open);
            let data = &rest[..open];
            let tag = self.at + open;
            if open == rest.len() {
                self.emit(data);
                self.at = text.len();
                if let Some(end) = ends.last() {
                    self.fail(true, text.len(), "`{% $ %}`", end);
                }
                break "";
            }
            let sign = rest.as_bytes().get(open + 2).copied().filter(|sign| matches!(sign, b'-' | b'+'));
            self.emit(if sign == Some(b'-') { data.trim_end() } else { data });
            if self.stopped {
                break "";
            }
            self.at = tag + 2 + usize::from(sign.is_some());
            match text.as_bytes()[tag + 1] {
                b'#' => self.comment(tag),
                b'{' => {
                    self.tag(false);
                    let before = (self.store.texts.len(), self.store.items.len());
                    let value = self.tuple(true);
                    self.expect_end();
                    if self.live {
                        let span = self.text_of(value);
                        let out = alloc::string::String::from(self.text(span));
                        self.emit(&out);
                    }
                    self.forget(before);
                }
                _ if self.raw(tag) => {}
                _ => {
                    self.tag(true);
                    let start = self.token.start;
                    let name = self.expect_name();
                    if ends.contains(&name) {
                        break name;
                    }
                    self.statement(start, name);
                }
            }
        };
        self.nesting -= 1;
        end
    }

    /// Cuts the store back to what it was, where no variable has anything of what it got since.
    fn forget(&mut self, (texts, items): (usize, usize)) {
        self.store.texts.truncate(texts);
        self.store.items.truncate(items);
    }

    /// Passes a comment.
    fn comment(&mut self, tag: usize) {
        let rest = self.rest();
        let Some(end) = rest.find("#}") else {
            // Jinja takes a comment, or `raw`, that begins at the very end.
            if !rest.is_empty() {
                self.stop(tag, "`#}` at the end of this comment");
            }
            return;
        };
        self.spend(end);
        let sign = rest[..end].bytes().next_back().filter(|sign| matches!(sign, b'-' | b'+')).unwrap_or(0);
        self.pass(&rest[end + 2..], sign, true);
    }

    /// Renders `{% raw %}…{% endraw %}` as it stands, if that is what begins here.
    fn raw(&mut self, tag: usize) -> bool {
        let text = self.text;
        let Some((behind, sign)) = word(self.rest(), "raw").filter(|(_, sign)| *sign != b'+') else {
            return false;
        };
        let data = trimmed(behind, sign, false);
        let mut from = 0;
        while let Some(at) = data[from..].find("{%").map(|at| from + at) {
            let inside = &data[at + 2..];
            let signed = inside.starts_with(['-', '+']);
            if let Some((behind, sign)) = word(&inside[usize::from(signed)..], "endraw") {
                self.spend(at);
                let data = &data[..at];
                self.emit(if inside.starts_with('-') { data.trim_end() } else { data });
                self.pass(behind, sign, true);
                return true;
            }
            from = at + 2;
        }
        if data.is_empty() {
            self.at = text.len();
            return true;
        }
        self.stop(tag, "`{% endraw %}` behind this");
        true
    }

    #[inline(never)]
    fn statement(&mut self, at: usize, name: &str) {
        match name {
            "if" => self.branches(),
            "for" => self.repeat_for(),
            "set" => self.set(),
            _ if name.starts_with('e') => self.fail(true, at, "a statement, not `$`", name),
            _ => self.fail(true, at, "a statement that wisp has (`$` is not supported)", name),
        }
    }

    /// `if`, behind the word.
    fn branches(&mut self) {
        let before = self.live;
        let mut done = false;
        loop {
            self.live &= !done;
            let condition = self.tuple(false);
            self.expect_end();
            self.live &= condition.truth();
            done |= self.live;
            let end = self.body(&["elif", "else", "endif"]);
            self.revive(before);
            if end == "elif" {
                continue;
            }
            if end == "else" {
                self.expect_end();
                self.live &= !done;
                self.body(&["endif"]);
                self.revive(before);
            }
            return self.expect_end();
        }
    }

    /// `for`, behind the word.
    fn repeat_for(&mut self) {
        let before = self.live;
        let bracket = self.skip(b'(');
        let (targets, is_tuple) = self.targets();
        if bracket {
            self.expect(b')', "`)`");
        }
        self.expect(IN, "`in`");
        let at = self.token.start;
        let value = self.tuple(false);
        let mut items = self.list_of(at, value);
        let (outer, vars) = (self.scope, self.vars.len());
        self.scope = vars;
        if self.skip(IF) {
            items = self.filtered(at, &targets, is_tuple, items);
        }
        if self.token.text == "recursive" {
            self.stop(self.token.start, "`%}` (a recursive loop is not supported)");
        }
        self.expect_end();
        let body = self.at;
        let made = (self.store.texts.len(), self.store.items.len());
        let empty = items.len() == 0;
        self.live &= !empty;
        self.loops.push(Loop { items, index: 0 });
        let this = self.loops.len() - 1;
        let end = loop {
            let index = self.loops[this].index;
            if self.live {
                self.bind(at, &targets, is_tuple, self.item(items, index));
            }
            let end = self.body(&["else", "endfor"]);
            self.vars.truncate(vars);
            self.forget(made);
            self.loops[this].index += 1;
            if !self.live || index + 1 >= items.len() {
                break end;
            }
            self.at = body;
        };
        self.loops.pop();
        self.scope = outer;
        self.revive(before);
        if end == "else" {
            self.expect_end();
            self.live &= empty;
            self.body(&["endfor"]);
            self.revive(before);
        }
        self.expect_end();
    }

    /// The items for which the condition that stands here holds.
    fn filtered(&mut self, at: usize, targets: &[&'t str], is_tuple: bool, items: Span) -> Span {
        let mark = self.mark();
        let before = self.live;
        self.live = false;
        self.binary(1);
        self.revive(before);
        let behind = self.mark();
        let mut kept = Vec::new();
        for item in self.all(items) {
            if !self.live {
                break;
            }
            self.go_to(mark);
            self.bind(at, targets, is_tuple, item);
            if self.binary(1).truth() && self.live {
                kept.push(item);
            }
            self.vars.truncate(self.scope);
        }
        self.go_to(behind);
        self.keep(&kept)
    }

    /// What is given values to, and whether it is several things.
    fn targets(&mut self) -> (Vec<&'t str>, bool) {
        let mut targets = Vec::new();
        loop {
            targets.push(self.expect_name());
            if !self.skip(b',') {
                let several = targets.len() > 1;
                return (targets, several);
            }
            if self.is(b'=') || self.is(IN) {
                return (targets, true);
            }
        }
    }

    /// Gives the targets a value, or each of them one of its items.
    fn bind(&mut self, at: usize, targets: &[&'t str], is_tuple: bool, value: Value) {
        let items = if is_tuple { self.list_of(at, value) } else { Span::default() };
        if self.live && is_tuple && items.len() != targets.len() {
            self.fault(at, "as many values to unpack as there are names");
        }
        if !self.live {
            return;
        }
        for (place, name) in targets.iter().enumerate() {
            let value = if is_tuple { self.item(items, place) } else { value };
            self.spend(self.vars.len() - self.scope + 1);
            match self.vars[self.scope..].iter_mut().find(|(known, _)| known == name) {
                Some(var) => var.1 = value,
                None => self.vars.push((name, value)),
            }
        }
    }

    /// `set`, behind the word.
    fn set(&mut self) {
        let at = self.token.start;
        let (targets, is_tuple) = self.targets();
        self.expect(b'=', "`=` (a block as value, and a member of a namespace, are not supported)");
        let value = self.tuple(true);
        self.expect_end();
        self.bind(at, &targets, is_tuple, value);
    }
}

/// Where the next tag begins.
fn find_tag(text: &str) -> Option<usize> {
    text.as_bytes().windows(2).position(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

/// The text behind a tag that is only this word, and its sign.
fn word<'t>(inside: &'t str, word: &str) -> Option<(&'t str, u8)> {
    let rest = inside.trim_start().strip_prefix(word)?.trim_start();
    let sign = rest.bytes().next().filter(|sign| matches!(sign, b'-' | b'+')).unwrap_or(0);
    Some((rest[usize::from(sign != 0)..].strip_prefix("%}")?, sign))
}
