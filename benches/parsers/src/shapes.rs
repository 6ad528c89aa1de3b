//! Texts of any size: ordinary ones, and those that are meant to make a parser slow.

use std::fmt::Write;

/// Which parser reads a shape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
}

/// A kind of text.
pub struct Shape {
    pub name: &'static str,
    pub format: Format,
    /// Whether it can be read; a refusal has to be as quick.
    pub accepted: bool,
    /// The text, of about so many bytes.
    pub text: fn(usize) -> Vec<u8>,
}

const fn yaml(name: &'static str, text: fn(usize) -> Vec<u8>) -> Shape {
    Shape { name, format: Format::Yaml, accepted: true, text }
}

const fn json(name: &'static str, text: fn(usize) -> Vec<u8>) -> Shape {
    Shape { name, format: Format::Json, accepted: true, text }
}

const fn refused(shape: Shape) -> Shape {
    Shape { accepted: false, ..shape }
}

/// Every shape; names have no spaces.
pub const SHAPES: &[Shape] = &[
    yaml("yaml-cloud-config", cloud_config),
    yaml("yaml-keys", |size| numbered("", size, |out, at| writeln!(out, "key-{at}: value {at}"), "")),
    yaml("yaml-quoted-keys", |size| numbered("", size, |out, at| writeln!(out, "\"k\\x65y-{at}\": '{at}'"), "")),
    yaml("yaml-equal-keys", |size| numbered("", size, |out, at| writeln!(out, "k: {at}"), "")),
    yaml("yaml-number-keys", |size| numbered("", size, |out, at| writeln!(out, "{at}: {at}.5"), "")),
    yaml("yaml-flow-keys", |size| numbered("{", size, |out, at| write!(out, "k{at}: v, "), "}")),
    yaml("yaml-merged-keys", |size| {
        let each =
            |out: &mut String, at| writeln!(out, "  key-{at}: the value of this key, which makes the line long enough");
        numbered("base: &b\n", size, each, "over:\n  <<: *b\n  key-1: w\n")
    }),
    yaml("yaml-merges", |size| {
        numbered(
            "b: &b {x: 1, y: 2}\nl:\n",
            size,
            |out, at| writeln!(out, "- <<: *b\n  x: {at} # and a comment, so that the visits are enough for 10 MiB"),
            "",
        )
    }),
    yaml("yaml-aliases", |size| numbered(&anchors(), size, |out, at| writeln!(out, "- *anchor-{}", at % 1000), "")),
    yaml("yaml-plain", |size| repeated("", "x", size, "")),
    yaml("yaml-plain-words", |size| repeated("", "word: of a#b ", size, "").replacing(b": ", b":_")),
    yaml("yaml-plain-lines", |size| repeated("a:\n", "                              deep words here\n", size, "")),
    yaml("yaml-plain-blank-lines", |size| repeated("a: b\n", "\n", size, "  c\n")),
    yaml("yaml-double-quoted", |size| repeated("\"", "folded text \\u00e9\n\n   and \\\n  more, ", size, "\"")),
    yaml("yaml-single-quoted", |size| repeated("'", "it''s folded\n  ", size, "'")),
    yaml("yaml-quoted-one-line", |size| repeated("\"", "x", size, "\"")),
    yaml("yaml-literal", |size| repeated("a: |\n", "  a line of text\n\n", size, "")),
    yaml("yaml-literal-blank-lines", |size| repeated("a: |+\n", "\n", size, "")),
    yaml("yaml-blank-lines", |size| repeated("", "\n", size, "")),
    yaml("yaml-comment", |size| repeated("#", "x", size, "\n")),
    yaml("yaml-comments", |size| repeated("a: 1\n", "  # and so on\n", size, "")),
    yaml("yaml-spaces", |size| repeated("a:", " ", size, "b\n")),
    yaml("yaml-flow", |size| repeated("[", "a, {b: c}, [d], ", size, "]")),
    yaml("yaml-flow-lines", |size| repeated("[", "a,\n", size, "]")),
    yaml("yaml-pairs", |size| repeated("", "- - a: b\n", size, "")),
    yaml("yaml-explicit", |size| numbered("", size, |out, at| writeln!(out, "? k{at}\n: v"), "")),
    yaml("yaml-empty-items", |size| repeated("", "-\n", size, "")),
    yaml("yaml-tags", |size| repeated("", "- !!str x\n", size, "")),
    yaml("yaml-nested", |size| repeated("", &format!("- {}{}\n", "[".repeat(60), "]".repeat(60)), size, "")),
    yaml("yaml-deep", |size| repeated("", &format!("{}x\n", "- ".repeat(60)), size, "")),
    refused(yaml("yaml-brackets", |size| repeated("", "[", size, ""))),
    refused(yaml("yaml-braces", |size| repeated("", "{", size, ""))),
    refused(yaml("yaml-dashes", |size| repeated("", "- ", size, ""))),
    refused(yaml("yaml-questions", |size| repeated("", "? ", size, ""))),
    refused(yaml("yaml-unclosed", |size| repeated("a: \"", "x y\n ", size, ""))),
    refused(yaml("yaml-unclosed-bracket", |size| repeated("a: [", "x, ", size, ""))),
    refused(yaml("yaml-last-byte", |size| repeated("", "- a\n", size, "\x01"))),
    refused(yaml("yaml-colons", |size| repeated("", "a: ", size, ""))),
    refused(yaml("yaml-anchors", |size| numbered("", size, |out, at| writeln!(out, "- &a{at}"), ""))),
    refused(yaml("yaml-long-key", |size| repeated("", "k", size, ": v\n"))),
    json("json-records", records),
    json("json-numbers", |size| repeated("[", "1,", size, "0]")),
    json("json-keys", |size| numbered("{", size, |out, at| write!(out, "\"k{at}\":{at},"), "\"\":0}")),
    json("json-string", |size| repeated("\"", "x", size, "\"")),
    json("json-escapes", |size| repeated("\"", "\\u00e9\\n", size, "\"")),
    json("json-strings", |size| repeated("[", "\"a short text\", ", size, "0]")),
    json("json-spaces", |size| repeated("[", " \n", size, "0]")),
    json("json-number", |size| repeated("", "7", size, "")),
    refused(json("json-brackets", |size| repeated("", "[", size, ""))),
    refused(json("json-braces", |size| repeated("", "{\"a\":", size, ""))),
    refused(json("json-unclosed", |size| repeated("\"", "x", size, ""))),
    refused(json("json-open-list", |size| repeated("[", "{},", size, ""))),
];

trait Replacing {
    fn replacing(self, from: &[u8; 2], to: &[u8; 2]) -> Vec<u8>;
}

impl Replacing for Vec<u8> {
    /// Without `from` in it.
    fn replacing(mut self, from: &[u8; 2], to: &[u8; 2]) -> Vec<u8> {
        for at in 1..self.len() {
            if &self[at - 1..=at] == from {
                self[at - 1..=at].copy_from_slice(to);
            }
        }
        self
    }
}

fn repeated(begin: &str, piece: &str, size: usize, end: &str) -> Vec<u8> {
    let count = size.saturating_sub(begin.len() + end.len()) / piece.len() + 1;
    [begin, &piece.repeat(count), end].concat().into_bytes()
}

fn numbered(begin: &str, size: usize, each: fn(&mut String, usize) -> std::fmt::Result, end: &str) -> Vec<u8> {
    let mut out = String::from(begin);
    let mut at = 0;
    while out.len() + end.len() < size {
        each(&mut out, at).expect("a string takes all");
        at += 1;
    }
    out.push_str(end);
    out.into_bytes()
}

/// A thousand anchored scalars.
fn anchors() -> String {
    (0..1000).fold(String::new(), |mut out, at| {
        let _ = writeln!(out, "- &anchor-{at} v");
        out
    })
}

/// What people write, all of it, again and again.
fn cloud_config(size: usize) -> Vec<u8> {
    let begin = "#cloud-config\nhostname: web-1\nmanage_etc_hosts: true\nssh_pwauth: no\nusers:\n- default\n- name: deploy\n  groups: [adm, sudo]\n  sudo: 'ALL=(ALL) NOPASSWD:ALL'\n  ssh_authorized_keys:\n  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZha2VrZXlmYWtla2V5ZmFrZWtleWZha2VrZXlm a@b\nwrite_files:\n";
    numbered(
        begin,
        size,
        |out, at| {
            writeln!(
                out,
                "# The configuration of service {at}.\n- path: /etc/service-{at}/service.conf\n  owner: root:root\n  permissions: '0644'\n  content: |\n    [service]\n    name = service-{at}\n    listen = 10.0.{}.{}:8080\n\n    # kept for a week\n    log = /var/log/service-{at}.log\n- {{path: \"/etc/default/service-{at}\", content: \"ENABLED=yes\\nLEVEL={at}\\n\", append: true}}\n- path: /usr/local/bin/service-{at}\n  permissions: 0755\n  encoding: b64\n  content: IyEvYmluL3NoCmV4ZWMgL3Vzci9saWIvc2VydmljZSAiJEAiCg==",
                at / 250 % 250,
                at % 250
            )
        },
        "runcmd:\n- [systemctl, daemon-reload]\n- echo done > /run/done\n",
    )
}

fn records(size: usize) -> Vec<u8> {
    numbered(
        "[",
        size,
        |out, at| {
            writeln!(
                out,
                "{{\"id\": {at}, \"name\": \"instance-{at:05}\", \"address\": \"10.0.{}.{}\", \"enabled\": true, \"load\": 0.{at}, \"owner\": null, \"labels\": {{\"zone\": \"eu-1\", \"note\": \"line\\nline\"}}, \"ports\": [22, 80, 443]}},",
                at / 250 % 250,
                at % 250
            )
        },
        "{}]",
    )
}
