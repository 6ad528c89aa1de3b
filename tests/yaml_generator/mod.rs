//! Random YAML: structures, styles, indents, odd spacing, comments; and damage done to it.

/// xorshift64*: the same documents on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % bound
    }

    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const WORDS: &[&str] = &[
    "a",
    "name",
    "ssh-key",
    "path/to",
    "1a",
    "x:y",
    "http://a.b/c?d=e&f#g",
    "a#b",
    "-x",
    "?x",
    ":x",
    "--flag",
    "é",
    "名前",
    "it's",
    "say\"hi\"",
    "50%",
    "a,b",
    "[b",
    "b]",
    "}c",
    "a@b",
    "...x",
    "---x",
    "!x",
    "a!b",
    "<<<",
    "==",
    "$VAR",
    "\\n",
    "~x",
    "/",
    "😀",
];

const TYPED: &[&str] = &[
    "yes",
    "No",
    "TRUE",
    "off",
    "On",
    "oFF",
    "y",
    "n",
    "null",
    "~",
    "Null",
    "nUll",
    "0",
    "-0",
    "+1",
    "42",
    "-17",
    "0644",
    "08",
    "0x1F",
    "0X1F",
    "0b101",
    "0b2",
    "0o17",
    "1_000",
    "1__0_",
    "_1",
    "12:30:45",
    "1:60",
    "190:20:30.15",
    "-1:30",
    "1.5",
    "1.",
    ".5",
    "-.5",
    "+.5",
    "1e3",
    "1.0e3",
    "1.0e+3",
    "1.5E-2",
    ".5e+3",
    ".inf",
    "-.INF",
    "+.Inf",
    ".nan",
    ".NaN",
    "-.nan",
    "2001-12-14",
    "2001-12-14t21:59:43.10-05:00",
    "1.2.3.4",
    "9223372036854775807",
    "-9223372036854775808",
    "0_7",
    "0_",
    "+0x_f",
    "1_0.5_0",
    "-",
    "--",
    "+",
    ".",
    "..",
    "0x",
    "0b",
];

const GAPS: &[&str] = &["", "", "", " ", "  ", " # comment", "  #", " # it's: [a \"comment"];

/// Text for inside quotes, and what it may be broken over lines with.
fn quoted(random: &mut Random, indent: usize, single_line: bool) -> String {
    let double = random.one_in(2);
    let mut text = String::new();
    for _ in 0..random.below(6) {
        if double && random.one_in(3) {
            text.push_str(random.pick(&[
                "\\n",
                "\\t",
                "\\\"",
                "\\\\",
                "\\x41",
                "\\xe9",
                "\\u00e9",
                "\\U0001F600",
                "\\0",
                "\\_",
                "\\N",
                "\\L",
                "\\P",
                "\\e",
                "\\ ",
                "\\/",
                "\\\t",
                "\\a",
                "\\v",
                "\\r",
            ]));
        } else if !single_line && random.one_in(4) {
            if double && random.one_in(3) {
                text.push('\\');
            }
            text.push_str(random.pick(&["", "", " ", "\t", "  "]));
            for _ in 0..=random.below(3) {
                text.push('\n');
                text.push_str(&" ".repeat(if random.one_in(4) { random.below(3) } else { indent }));
            }
        } else {
            let word = random.pick(&[
                "a", "b c", " ", "  ", "\t", ": ", " #", "-", "é", "''", "\"", "'", ",", "]", "{", "---", "word",
            ]);
            let fits = if double { !word.contains('"') } else { word == "''" || !word.contains('\'') };
            if fits {
                text.push_str(word);
            }
        }
    }
    if double { format!("\"{text}\"") } else { format!("'{text}'") }
}

fn plain(random: &mut Random, indent: usize, flow: bool, single_line: bool) -> String {
    if random.one_in(2) {
        return random.pick(TYPED).into();
    }
    let mut text = String::from(random.pick(WORDS));
    for _ in 0..random.below(4) {
        if !single_line && random.one_in(4) {
            text.push_str(random.pick(&["", "", " ", "   "]));
            for _ in 0..=random.below(3) {
                text.push('\n');
                if random.one_in(3) {
                    text.push_str(&" ".repeat(random.below(4)));
                    text.push('\n');
                }
            }
            text.push_str(&" ".repeat(indent + random.below(3)));
        } else {
            text.push_str(random.pick(&[" ", " ", "  ", ""]));
        }
        let words = if random.one_in(4) { TYPED } else { WORDS };
        let word = random.pick(words);
        text.push_str(if flow && word.contains(['[', ']', '{', '}', ',', '?']) { "w" } else { word });
    }
    text
}

/// `|` or `>` with its lines; ends with a line end.
fn block(random: &mut Random, parent: usize, root: bool) -> String {
    let mut text = String::from(random.pick(&["|", ">"]));
    let chomp = random.pick(&["", "", "-", "+"]);
    let least = if root { 0 } else { parent + 1 };
    let indent = least + random.below(4);
    let digit = if indent > parent && random.one_in(4) { (indent - parent).to_string() } else { String::new() };
    if random.one_in(2) {
        text.push_str(&digit);
        text.push_str(chomp);
    } else {
        text.push_str(chomp);
        text.push_str(&digit);
    }
    text.push_str(random.pick(GAPS));
    text.push('\n');
    for _ in 0..random.below(6) {
        if random.one_in(4) {
            text.push_str(&" ".repeat(random.below(indent + 2)));
        } else {
            text.push_str(&" ".repeat(indent));
            if random.one_in(4) {
                text.push_str(random.pick(&[" ", "  ", "\t"]));
            }
            text.push_str(random.pick(&[
                "text",
                "more text here",
                "# no comment",
                "key: value",
                "- item",
                "é",
                "trailing  ",
                "[1, 2",
            ]));
        }
        text.push('\n');
    }
    text
}

const ENCODED: &[&str] = &[
    "!!binary aGVsbG8=",
    "!!binary \"aGVs bG8=\"",
    "!!binary 'QQ=='",
    "!!binary |\n      aGVs\n      bG8h\n      QQ==",
    "!!binary \"\"",
    "!!binary aGk=....",
    "!!binary aG.k.=b=GVs",
    "!!binary \"=aG=kA==\"",
    "!!binary aGk",
    "!!binary aé==",
];

const TAGGED: &[&str] = &[
    "!!str 12",
    "!!str yes",
    "!!int 0x10",
    "!!int \"12\"",
    "!!float 1",
    "!!float \"1e3\"",
    "!!bool \"yes\"",
    "!!null x",
    "! 12",
    "! \"12\"",
    "! text",
    "!!str",
    "!<tag:yaml.org,2002:str> 5",
    "!!seq [a]",
    "!!map {a}",
    "!!null",
    "!!str \"a\"",
    "!!float 12:30",
    "!!int 1_0",
    "!!bool ON",
];

/// Writes documents.
struct Writer<'r> {
    random: &'r mut Random,
    text: String,
    /// Names, and whether a mapping has it.
    anchors: Vec<(String, bool)>,
    given: usize,
    room: usize,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn spaces(&mut self, count: usize) {
        self.push(&" ".repeat(count));
    }

    /// The end of a line, with blank and comment lines behind it.
    fn line_end(&mut self) {
        let gap = self.random.pick(GAPS);
        self.push(gap);
        self.push("\n");
        while self.random.one_in(8) {
            let spaces = self.random.below(5);
            self.spaces(spaces);
            if self.random.one_in(2) {
                self.push("# comment");
            }
            self.push("\n");
        }
    }

    fn key(&mut self, flow: bool) {
        match self.random.below(12) {
            0 => {
                let text = quoted(self.random, 0, true);
                self.push(&text);
            }
            1 => {
                let text = plain(self.random, 0, flow, true);
                self.push(&text);
            }
            2 => {
                let text = self.random.pick(&["yes", "1", "~", "0x10", "1.5", "!!str k", "! k", "''"]);
                self.push(text);
            }
            _ => {
                let text = self.random.pick(&["a", "b", "c", "name", "path", "content", "runcmd", "x-y", "a b", "é"]);
                self.push(text);
            }
        }
    }

    fn anchor(&mut self) -> String {
        self.given += 1;
        let name = format!("n{}", self.given);
        self.push(&format!("&{name} "));
        name
    }

    /// Makes an anchor known: at the end of its node, or (rarely) too early.
    fn finished(&mut self, name: Option<String>, mapping: bool) {
        if let Some(name) = name {
            self.anchors.push((name, mapping));
        }
    }

    fn alias(&mut self, mapping: Option<bool>) -> bool {
        let names: Vec<String> = self
            .anchors
            .iter()
            .filter(|(_, kind)| mapping.is_none_or(|wanted| *kind == wanted))
            .map(|(name, _)| name.clone())
            .collect();
        if names.is_empty() {
            return false;
        }
        let at = self.random.below(names.len());
        self.push(&format!("*{}", names[at]));
        true
    }

    fn flow_gap(&mut self, indent: usize) {
        match self.random.below(8) {
            0 => {
                self.line_end();
                self.spaces(indent + 1);
            }
            1 | 2 => self.push(" "),
            _ => {}
        }
    }

    fn flow_scalar(&mut self, indent: usize) {
        match self.random.below(10) {
            0..=2 => {
                let text = quoted(self.random, indent, false);
                self.push(&text);
            }
            3 => {
                if !self.alias(None) {
                    self.push("z");
                } else {
                    self.push(" ");
                }
            }
            4 => {
                let text = self.random.pick(TAGGED);
                self.push(text);
                self.push(" ");
            }
            _ => {
                let text = plain(self.random, indent + 1, true, false);
                self.push(&text);
            }
        }
    }

    fn flow(&mut self, indent: usize, depth: usize) {
        if depth == 0 || self.room == 0 || self.random.one_in(3) {
            return self.flow_scalar(indent);
        }
        self.room -= 1;
        let sequence = self.random.one_in(2);
        let name = if self.random.one_in(12) { Some(self.anchor()) } else { None };
        self.push(if sequence { "[" } else { "{" });
        let count = self.random.below(4);
        for index in 0..count {
            self.flow_gap(indent);
            if !sequence || self.random.one_in(8) {
                if self.random.one_in(12) {
                    self.push("? ");
                }
                self.key(true);
                if !self.random.one_in(12) {
                    let colon = self.random.pick(&[": ", ": ", ": ", " : ", ":", ":\n     "]);
                    self.push(colon);
                    if !self.random.one_in(8) {
                        self.flow(indent, depth - 1);
                    }
                }
            } else {
                self.flow(indent, depth - 1);
            }
            self.flow_gap(indent);
            if index + 1 < count || self.random.one_in(6) {
                let comma = self.random.pick(&[",", ", ", " , "]);
                self.push(comma);
            }
        }
        self.flow_gap(indent);
        self.push(if sequence { "]" } else { "}" });
        self.finished(name, !sequence);
    }

    /// A value behind `- ` or `key:`; ends the line.
    fn value(&mut self, indent: usize, depth: usize, after_key: bool) {
        if self.random.one_in(14) {
            return self.line_end();
        }
        if depth > 0 && self.room > 0 && self.random.one_in(2) {
            self.room -= 1;
            if !after_key && self.random.one_in(2) {
                let gap = 1 + self.random.below(3);
                let nested = indent + 1 + gap;
                self.spaces(gap);
                return self.collection(nested, depth - 1, true);
            }
            let mut name = None;
            if self.random.one_in(6) {
                self.push(" ");
                name = Some(self.anchor());
            }
            if self.random.one_in(40) {
                self.finished(name.take(), true);
            }
            self.line_end();
            let sequence = self.random.one_in(2);
            let least = usize::from(!(sequence && after_key));
            let nested = indent + least + self.random.below(3);
            if sequence {
                self.sequence(nested, depth - 1, false);
            } else {
                self.mapping(nested, depth - 1, false);
            }
            return self.finished(name, !sequence);
        }
        let gap = 1 + self.random.below(2);
        self.spaces(gap);
        if self.random.one_in(10) {
            let name = self.anchor();
            self.finished(Some(name), false);
        }
        match self.random.below(12) {
            0 | 1 => {
                let text = block(self.random, indent, false);
                return self.push(&text);
            }
            2 | 3 => self.flow(indent + 1, 3),
            4 | 5 => {
                let text = quoted(self.random, indent + 1, false);
                self.push(&text);
            }
            6 => {
                let text = self.random.pick(TAGGED);
                self.push(text);
            }
            7 if self.random.one_in(3) => {
                let text = self.random.pick(ENCODED);
                self.push(text);
                return self.push("\n");
            }
            8 => {
                if !self.alias(None) {
                    self.push("plain");
                }
            }
            _ => {
                let text = plain(self.random, indent + 1, false, false);
                self.push(&text);
            }
        }
        self.line_end();
    }

    fn collection(&mut self, indent: usize, depth: usize, started: bool) {
        if self.random.one_in(2) { self.sequence(indent, depth, started) } else { self.mapping(indent, depth, started) }
    }

    /// `started`: the text stands at the column of the first item already.
    fn sequence(&mut self, indent: usize, depth: usize, started: bool) {
        for index in 0..=self.random.below(4) {
            if index > 0 || !started {
                self.spaces(indent);
            }
            self.push("-");
            self.value(indent, depth, false);
        }
    }

    fn mapping(&mut self, indent: usize, depth: usize, started: bool) {
        for index in 0..=self.random.below(4) {
            if index > 0 || !started {
                self.spaces(indent);
            }
            if self.random.one_in(12) && self.anchors.iter().any(|(_, mapping)| *mapping) {
                self.push("<<: ");
                let list = self.random.one_in(3);
                self.push(if list { "[" } else { "" });
                self.alias(Some(true));
                if list {
                    self.push(", ");
                    self.alias(Some(true));
                    self.push(" ]");
                }
                self.line_end();
                continue;
            }
            if self.random.one_in(14) {
                self.push("?");
                self.value(indent, 0, true);
                if self.random.one_in(4) {
                    continue;
                }
                self.spaces(indent);
                self.push(":");
                self.value(indent, depth, true);
                continue;
            }
            if self.random.one_in(20) {
                let name = self.anchor();
                self.finished(Some(name), false);
            }
            self.key(false);
            let colon = self.random.pick(&[":", ":", ":", " :"]);
            self.push(colon);
            self.value(indent, depth, true);
        }
    }
}

/// One document.
pub fn document(random: &mut Random) -> Vec<u8> {
    let mut writer = Writer { random, text: String::new(), anchors: Vec::new(), given: 0, room: 6 };
    if writer.random.one_in(40) {
        writer.push("\u{FEFF}");
    }
    if writer.random.one_in(4) {
        writer.push("#cloud-config\n");
    }
    if writer.random.one_in(30) {
        writer.push("%YAML 1.1\n---\n");
    } else if writer.random.one_in(8) {
        writer.push("---");
        writer.line_end();
    }
    match writer.random.below(16) {
        0 => {
            writer.flow(0, 4);
            writer.line_end();
        }
        1 => {
            let text = match writer.random.below(3) {
                0 => block(writer.random, 0, true),
                1 => quoted(writer.random, 1, false) + "\n",
                _ => plain(writer.random, 0, false, false) + "\n",
            };
            writer.push(&text);
        }
        _ => {
            let indent = if writer.random.one_in(8) { writer.random.below(3) } else { 0 };
            writer.collection(indent, 4, false);
        }
    }
    if writer.random.one_in(12) {
        writer.push("...");
        writer.line_end();
    }
    let mut text = writer.text;
    if random.one_in(10) {
        text = text.trim_end_matches('\n').into();
    }
    if random.one_in(12) {
        text = text.replace('\n', "\r\n");
    }
    text.into_bytes()
}

const DAMAGE: &[&str] = &[
    " ",
    "  ",
    "\t",
    "\n",
    ":",
    ": ",
    "- ",
    "-",
    "? ",
    "#",
    " #",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    "|",
    ">",
    "&a ",
    "*a",
    "!",
    "!!str ",
    "%",
    "@",
    "!!int x",
    "!!bool maybe",
    "!local x",
    "!!seq x",
    "!!map [a]",
    "!!str [a]",
    "\\",
    "---\n",
    "...\n",
    "\r",
    "a",
    "0",
    "<<: ",
    "=",
    "é",
    "\u{7f}",
    "\u{1}",
    "\u{85}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{a0}",
    "\u{2027}",
    "\u{fffe}",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "!!set ",
    "%TAG ! !x\n",
    "0x_",
    "99999999999999999999",
];

/// The document with one to three faults in it, or what happens to be none.
pub fn damage(random: &mut Random, text: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8(text.to_vec()).unwrap();
    for _ in 0..=random.below(3) {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = places[random.below(places.len())];
        let next = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        match random.below(6) {
            0 => text.replace_range(at..next, ""),
            1 => {
                let more = text[at..next].to_string();
                text.insert_str(at, &more);
            }
            2 => text.replace_range(at..next, random.pick(DAMAGE)),
            3 if random.one_in(4) => text.truncate(at),
            4 => {
                let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
                let (one, other) = (random.below(lines.len().max(1)), random.below(lines.len().max(1)));
                if one < lines.len() && other < lines.len() {
                    lines.swap(one, other);
                }
                text = lines.concat();
            }
            _ => text.insert_str(at, random.pick(DAMAGE)),
        }
    }
    text.into_bytes()
}
