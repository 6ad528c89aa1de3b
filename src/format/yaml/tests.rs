use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::format::doc::{Kind, SourceId, Sources, Value};
use crate::format::scalar::Scalar;
use crate::format::yaml::parse;
use crate::limits::{MAX_ANCHORS, MAX_BLOCK_INDENT, MAX_NESTING, MAX_NODES};

/// Compact JSON, with what JSON lacks: `b"…"` for bytes; floats keep their point.
fn dump(value: &Value<'_>, out: &mut String) {
    match value.kind() {
        Kind::Sequence => {
            out.push('[');
            for (index, item) in value.items().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                dump(&item, out);
            }
            out.push(']');
        }
        Kind::Mapping => {
            out.push('{');
            for (index, (key, item)) in value.entries().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                dump(&key, out);
                out.push(':');
                dump(&item, out);
            }
            out.push('}');
        }
        _ => match value.scalar() {
            Scalar::Null => out.push_str("null"),
            Scalar::Bool(truth) => write!(out, "{truth}").unwrap(),
            Scalar::Int(int) => write!(out, "{int}").unwrap(),
            Scalar::Float(float) => write!(out, "{float}").unwrap(),
            Scalar::Text => write!(out, "{:?}", value.text().unwrap()).unwrap(),
            Scalar::Binary => write!(out, "b{:?}", String::from_utf8_lossy(&value.bytes(1000).unwrap())).unwrap(),
        },
    }
}

pub(super) fn read(text: &str) -> String {
    let mut sources = Sources::new();
    let source = sources.add("test", text.as_bytes().to_vec());
    match parse(text.as_bytes(), source) {
        Ok(doc) => {
            let mut out = String::new();
            match doc.value(&sources) {
                Some(root) => dump(&root, &mut out),
                None => out.push_str("nothing"),
            }
            out
        }
        Err(fault) => fault.to_string(),
    }
}

fn check(table: &[(&str, &str)]) {
    let wrong: Vec<_> = table
        .iter()
        .map(|(text, wanted)| (text, read(text), wanted))
        .filter(|(_, got, wanted)| got != *wanted)
        .collect();
    assert!(wrong.is_empty(), "text, read, wanted: {wrong:#?}");
}

#[test]
fn structure() {
    check(&[
        ("", "nothing"),
        ("# only a comment\n", "nothing"),
        ("---\n", "null"),
        ("--- \n...\n", "null"),
        ("%YAML 1.1 # c\n---\na\n", r#""a""#),
        ("\u{FEFF}a: 1\nb: 2\n", r#"{"a":1,"b":2}"#),
        ("a: 1\r\nb:\r\n  - x\r\n", r#"{"a":1,"b":["x"]}"#),
        ("a: 1\rb: 2\r", r#"{"a":1,"b":2}"#),
        ("a:\nb: \n", r#"{"a":null,"b":null}"#),
        ("a:\n- 1\n- 2\nb: 3\n", r#"{"a":[1,2],"b":3}"#),
        ("- - 1\n  - 2\n- a: 1\n  b: 2\n-\n- c\n", r#"[[1,2],{"a":1,"b":2},null,"c"]"#),
        ("- - - 1\n- k:\n  - 2\n", r#"[[[1]],{"k":[2]}]"#),
        ("? a\n: b\n? c\n? |\n  d\n: e\n", r#"{"a":"b","c":null,"d\n":"e"}"#),
        ("? - a\n", "line 1, column 3: expected a scalar as key: a collection as key is not supported"),
        ("[a, [b,\n c], {d: e, f,\n g: }, h: i, ]", r#"["a",["b","c"],{"d":"e","f":null,"g":null},{"h":"i"}]"#),
        ("{a: [1, 2], \"b\":3, 'c' : 4, d}\n", r#"{"a":[1,2],"b":3,"c":4,"d":null}"#),
        ("[a#b, c] # d\n", r#"["a#b","c"]"#),
        ("a: b # c\n# d\ne: 'f' # g\n", r#"{"a":"b","e":"f"}"#),
        ("a: 1\na: 2\n", r#"{"a":2}"#),
        ("yes: 1\n0x10: 2\n~: 3\n", r#"{true:1,16:2,null:3}"#),
        ("url: http://a.b/c?d#e\ntime: 12:30\n", r#"{"url":"http://a.b/c?d#e","time":750}"#),
        ("a: [b]\n...\n# after\n", r#"{"a":["b"]}"#),
    ]);
}

#[test]
fn scalars() {
    check(&[
        ("a: b\n  c\n\n  d\n", r#"{"a":"b c\nd"}"#),
        ("a: 'it''s\n  one\n\n\n  two ' \n", r#"{"a":"it's one\n\ntwo "}"#),
        (r#"a: "x\ty\x41\u00e9\U0001F600\\ \"q\" \/""#, r#"{"a":"x\tyAé😀\\ \"q\" /"}"#),
        ("a: \"b  \\\n   c\n\n  d\\\n\n  e\"", r#"{"a":"b  c\nd\ne"}"#),
        (r#"["\ud83d\ude00"]"#, r#"["😀"]"#),
        ("a: |\n  b\n   c\n\n  d\n\ne: f\n", r#"{"a":"b\n c\n\nd\n","e":"f"}"#),
        ("a: |-\n  b\n\nc: |+\n  d\n\n\ne: |\n", r#"{"a":"b","c":"d\n\n\n","e":""}"#),
        ("a: |2\n    b\n  c\n", r#"{"a":"  b\nc\n"}"#),
        ("- |-1\n  a\n-  >+2 # c\n   b\n\n", r#"[" a"," b\n\n"]"#),
        ("a: >\n  b\n  c\n\n  d\n   e\n  f\n", r#"{"a":"b c\nd\n e\nf\n"}"#),
        ("a: |\r\n  b\r\n  c\r\n", r#"{"a":"b\nc\n"}"#),
        ("|\n a\n b", r#""a\nb""#),
        (
            "- !!str 1\n- !!int \"0x1F\"\n- !!float 1\n- !!bool \"on\"\n- !!null x\n- !!str\n",
            r#"["1",31,1.0,true,null,""]"#,
        ),
        (
            "- ! 12\n- ! \"12\"\n- !<tag:yaml.org,2002:str> 1\n- !!seq [a]\n- !!map {a: b}\n",
            r#"[12,12,"1",["a"],{"a":"b"}]"#,
        ),
        ("- !!binary |\n  aGVs\n  bG8=\n- !!binary aGk=\n", r#"[b"hello",b"hi"]"#),
        ("- 'yes'\n- \"1\"\n- |\n  1\n", r#"["yes","1","1\n"]"#),
        (
            "- 2001-12-14\n- 99999999999999999999\n- -9223372036854775808\n",
            r#"["2001-12-14","99999999999999999999",-9223372036854775808]"#,
        ),
    ]);
}

/// U+0085 is a line end like others, U+2028 and U+2029 stay in what they end a line of; a byte order mark inside is a character.
#[test]
fn characters() {
    check(&[
        ("a: 1\u{85}b: 2\u{2028}c: 3\u{2029}d: 4", r#"{"a":1,"b":2,"c":3,"d":4}"#),
        ("a\u{85} b\u{2028}c\u{2029}\u{85}d", r#""a b\u{2028}c\u{2029}\nd""#),
        ("'a \u{2028} \u{85} b\u{85}\u{85}c'", r#""a\u{2028}\nb\nc""#),
        ("\"a\\\u{2028}b\\\u{85} \u{2029} c\"", r#""ab\u{2029}c""#),
        ("|\n a\u{85} b\u{2028} c\u{2029}", r#""a\nb\u{2028}c\u{2029}""#),
        (">\n a\u{85} b\u{2028} c\u{85}\u{85} d\n", r#""a b\u{2028}c\nd\n""#),
        ("- # c\u{2028}- a #\u{85}-\u{2029}", r#"[null,"a",null]"#),
        ("\u{FEFF}a: \u{FEFF}b\u{FEFF}", r#"{"a":"\u{feff}b\u{feff}"}"#),
        ("\u{FEFF}\u{FEFF}- a\n- b", r#""\u{feff}- a - b""#),
        ("a: \u{A0}\u{E000}\u{FFFD}\u{10FFFF}", r#"{"a":"\u{a0}\u{e000}�\u{10ffff}"}"#),
    ]);
}

#[test]
fn anchors_and_merges() {
    check(&[
        ("a: &x [1]\nb: *x\nc: &y\nd: *y\n", r#"{"a":[1],"b":[1],"c":null,"d":null}"#),
        ("&k a: 1\nb: *k\n*k : 2\n", r#"{"a":2,"b":"a"}"#),
        ("b: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3\n", r#"{"b":{"x":1,"y":2},"c":{"x":1,"y":3}}"#),
        (
            "- &a {x: 1}\n- &b {x: 2, y: 2}\n- {<<: [*a, *b]}\n- {<<: *a, <<: *b}\n",
            r#"[{"x":1},{"x":2,"y":2},{"x":1,"y":2},{"x":2,"y":2}]"#,
        ),
        ("{<<: {a: 1, <<: {b: 2}}}", r#"{"b":2,"a":1}"#),
        ("'<<': 1\n", r#"{"<<":1}"#),
    ]);
}

#[test]
fn faults() {
    check(&[
        ("a:\n\t- b\n", "line 2, column 1: expected spaces: a tab cannot indent"),
        ("a: b\n \tc: d\n", "line 2, column 2: expected spaces: a tab cannot indent"),
        ("a: b\t# c\n", "line 1, column 5: expected spaces: a tab cannot separate"),
        ("a:\n  - 'b\n  - c\n", "line 2, column 5: expected `'` to end the text that begins here"),
        ("é: \"b\n", "line 1, column 5: expected `\"` to end the text that begins here"),
        (
            "a: \"\\q\"\n",
            "line 1, column 6: expected an escape that YAML knows: a backslash stands for itself in single quotes",
        ),
        ("a: \"\\xZZ\"\n", "line 1, column 7: expected 2 hexadecimal digits"),
        ("a: \"\\ud800\"\n", "line 1, column 5: expected a character: this escape is half of one"),
        ("a: b: c\n", "line 1, column 5: expected the end of the value: text with `: ` in it needs quotes"),
        ("a: - b\n", "line 1, column 4: expected a value: a sequence cannot begin on this line"),
        ("a: 1\nb\nc: 2\n", "line 2, column 2: expected `:` behind a key"),
        ("a: [b, c\nd: e\n", "line 2, column 2: expected `,` or `]`"),
        ("a: {b: c\n", "line 2, column 1: expected `,` or `}`"),
        ("a: [b]]\n", "line 1, column 7: expected `[` or `{` before this"),
        ("a: [,]\n", "line 1, column 5: expected a value before `,`"),
        (
            "a:\n    b: 1\n  c: 2\n",
            "line 3, column 3: expected a key in the column of the keys above, or the end of the mapping",
        ),
        ("- a\nb: c\n", "line 2, column 1: expected `- ` in the column of the items above, or the end of the sequence"),
        ("a: 'b' c\n", "line 1, column 8: expected the end of the line: the value ended before this"),
        ("a: @b\n", "line 1, column 4: expected a value: text that begins with `@` or a backquote needs quotes"),
        (
            "a: !foo b\n",
            "line 1, column 4: expected a tag of !!str !!int !!float !!bool !!null !!binary !!seq !!map: !foo is not supported",
        ),
        (
            "- a\n- b: !!set {c}\n",
            "line 2, column 6: expected a tag of !!str !!int !!float !!bool !!null !!binary !!seq !!map: !!set is not supported",
        ),
        (
            "- !<tag:yaml.org,2002:timestamp> 2001-01-01\n",
            "line 1, column 3: expected a tag of !!str !!int !!float !!bool !!null !!binary !!seq !!map: !<tag:yaml.org,2002:timestamp> is not supported",
        ),
        ("a: !!int b\n", "line 1, column 10: expected a whole number behind !!int"),
        ("a: !!seq b\n", "line 1, column 10: expected a collection behind !!seq or !!map"),
        ("a: !!map [b]\n", "line 1, column 10: expected a value of the kind that its tag names"),
        ("a: *b\n", "line 1, column 4: expected the name of an anchor above"),
        ("a: &b [*b]\n", "line 1, column 8: expected an alias of a finished node: this one is inside its own anchor"),
        ("a: &b 1\nc: &b 2\n", "line 2, column 4: expected a new name: this anchor stands on line 1 already"),
        ("a: & b\n", "line 1, column 5: expected a name of letters, digits, `-` and `_`"),
        ("[a]: b\n", "line 1, column 1: expected a scalar as key: a collection as key is not supported"),
        ("a: 1\n{b: c}: d\n", "line 2, column 1: expected a scalar as key: a collection as key is not supported"),
        ("a:\n  ? - b\n  : c\n", "line 2, column 5: expected a scalar as key: a collection as key is not supported"),
        ("a: &b [c]\n*b : d\n", "line 2, column 1: expected a scalar as key: a collection as key is not supported"),
        ("{? {b: c}}", "line 1, column 4: expected a scalar as key: a collection as key is not supported"),
        ("<<: 1\n", "line 1, column 5: expected a mapping to merge, or a sequence of mappings"),
        ("a: <<\n", "line 1, column 4: expected a value: `<<` is a merge key, as text it needs quotes"),
        ("a: =\n", "line 1, column 4: expected a value: `=` as text needs quotes"),
        ("a: |x\n b\n", "line 1, column 5: expected `+`, `-`, a digit or the end of the line"),
        ("a: |0\n b\n", "line 1, column 5: expected 1 to 9 columns of indentation"),
        ("a\n...\n---\nb\n", "line 3, column 1: expected the end: a second document is not supported"),
        ("a\n---\nb\n", "line 2, column 1: expected the end: a second document is not supported"),
        ("%YAML 2.0\n---\na\n", "line 1, column 7: expected version 1 of YAML"),
        ("%YAML 1.1\na\n", "line 2, column 1: expected `---` behind the directives"),
        ("%TAG ! x\n---\na\n", "line 1, column 1: expected %YAML or a document: %TAG is not supported"),
        ("a: \u{1}\n", "line 1, column 4: expected a character that YAML allows: others are written as escapes"),
        ("# \u{7F}\n", "line 1, column 3: expected a character that YAML allows: others are written as escapes"),
        ("a: |\n  é\u{9F}\n", "line 2, column 5: expected a character that YAML allows: others are written as escapes"),
        ("a: \u{FFFE}\n", "line 1, column 4: expected a character that YAML allows: others are written as escapes"),
        ("a: '\0'\n", "line 1, column 5: expected a character that YAML allows: others are written as escapes"),
        ("a: '\n---\nb'\n", "line 2, column 1: expected the rest of a quoted text, not the end of the document"),
    ]);
    let fault = parse(b"a: \xFF\n", SourceId(0)).unwrap_err().to_string();
    assert_eq!(fault, "line 1, column 4: expected UTF-8");
}

#[test]
fn bounds_on_both_sides() {
    let flow = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let block = |levels: usize| "- ".repeat(levels) + "a";
    for text in [flow(MAX_NESTING), block(MAX_NESTING)] {
        assert!(parse(text.as_bytes(), SourceId(0)).is_ok());
    }
    for text in [
        flow(MAX_NESTING + 1),
        block(MAX_NESTING + 1),
        "[".repeat(1_000_000),
        "- ".repeat(1_000_000),
        "{a: ".repeat(1000),
    ] {
        let fault = parse(text.as_bytes(), SourceId(0)).unwrap_err();
        assert_eq!(fault.expected, "at most 64 levels of nesting");
    }
    let anchors = |count: usize| (0..count).map(|index| alloc::format!("- &a{index} x\n")).collect::<String>();
    assert!(parse(anchors(MAX_ANCHORS).as_bytes(), SourceId(0)).is_ok());
    let fault = parse(anchors(MAX_ANCHORS + 1).as_bytes(), SourceId(0)).unwrap_err();
    assert_eq!((fault.line, fault.column, fault.expected.as_ref()), (1025, 3, "at most 1024 anchors"));
    let key = |length: usize| "k".repeat(length) + ": 1\n";
    assert!(parse(key(1024).as_bytes(), SourceId(0)).is_ok());
    assert!(parse(key(1025).as_bytes(), SourceId(0)).is_err());
    let deep = |columns: usize| alloc::format!("|\n{}a\n", " ".repeat(columns));
    assert_eq!(read(&deep(MAX_BLOCK_INDENT)), r#""a\n""#);
    assert_eq!(read(&deep(MAX_BLOCK_INDENT + 1)), "line 1, column 1: expected text indented by at most 255 columns");
    let mut merges = String::from("- &a0 {x0: 1}\n");
    for index in 1..MAX_ANCHORS {
        writeln!(merges, "- &a{index} {{<<: *a{}, x{index}: 1}}", index - 1).unwrap();
    }
    let fault = parse(merges.as_bytes(), SourceId(0)).unwrap_err();
    assert_eq!(fault.expected, "at most 1,000,000 nodes once aliases are followed");
    // 1,001 nodes, 999 times, and 1; then one more.
    let aliases = alloc::format!("- &a [{}]\n- &b x\n{}- *b\n", "x,".repeat(1000), "- *a\n".repeat(999));
    assert!(parse(aliases.as_bytes(), SourceId(0)).is_ok());
    let fault = parse((aliases + "- *b\n").as_bytes(), SourceId(0)).unwrap_err();
    assert_eq!((fault.line, fault.column), (1003, 3));
    assert_eq!(fault.expected, "at most 1,000,000 nodes once aliases are followed");
    let mut laughs = String::from("a0: &a0 [x]\n");
    for level in 1..8 {
        writeln!(laughs, "a{level}: &a{level} [{}]", alloc::format!("*a{},", level - 1).repeat(10)).unwrap();
    }
    let fault = parse(laughs.as_bytes(), SourceId(0)).unwrap_err();
    assert_eq!(
        (fault.line, fault.column, &*fault.expected),
        (7, 14, "at most 1,000,000 nodes once aliases are followed")
    );
}

/// One node is the sequence.
#[test]
fn nodes_are_bounded() {
    let items = |count: usize| "- a\n".repeat(count);
    let doc = parse(items(MAX_NODES - 1).as_bytes(), SourceId(0)).unwrap();
    assert_eq!(doc.len(), MAX_NODES);
    assert_eq!(doc.bytes(), 32 << 20, "what limits.rs says of the memory");
    drop(doc);
    let fault = parse(items(MAX_NODES).as_bytes(), SourceId(0)).unwrap_err();
    assert_eq!((fault.line, fault.column), (MAX_NODES as u32, 3));
    assert_eq!(fault.expected, "at most 2,097,152 nodes in a document");
    // What a merge key brings counts too: a sequence, a mapping of 400,001 keys and its anchor, and its entries as two aliases each.
    let mut text = String::from("- &a {k");
    (0..400_000).for_each(|key| write!(text, ",{key}").unwrap());
    text.push_str("}\n- {<<: *a}\n");
    let fill = MAX_NODES - (1 + 2 + 2 * 400_001 + 3 + 2 * 400_001);
    let more = |count: usize| alloc::format!("{}{text}", "- b\n".repeat(count));
    assert_eq!(parse(more(fill).as_bytes(), SourceId(0)).unwrap().len(), MAX_NODES);
    let fault = parse(more(fill + 1).as_bytes(), SourceId(0)).unwrap_err();
    assert_eq!((fault.line as usize, fault.column), (fill + 3, 3));
    assert_eq!(fault.expected, "at most 2,097,152 nodes in a document");
}

#[test]
fn the_example_of_the_first_users() {
    let text = include_bytes!("../../../tests/data/myconfig.cfg");
    let mut sources = Sources::new();
    let source = sources.add("myconfig.cfg", text.to_vec());
    let doc = parse(text, source).unwrap();
    let root = doc.value(&sources).unwrap();
    let keys: Vec<String> = root.entries().map(|(key, _)| key.text().unwrap()).collect();
    let wanted = [
        "write_files",
        "permissions",
        "ws_virt_network_dep",
        "runcmd",
        "manage-resolv-conf",
        "resolv_conf",
        "ssh_authorized_keys",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(root.get("permissions").unwrap().text().unwrap(), "0755");
    let files: Vec<Value<'_>> = root.get("write_files").unwrap().items().collect();
    assert_eq!(files.len(), 4);
    assert_eq!(
        files[1].get("content").unwrap().text().unwrap(),
        "# My new /etc/sysconfig/samba file\nSMBDOPTIONS=\"-D\"\n"
    );
    let binary = files[2].get("content").unwrap();
    assert_eq!(binary.scalar(), Scalar::Binary);
    assert_eq!(binary.bytes(100).unwrap()[..2], [0x1F, 0x8B]);
    assert!(files[3].get("permissions").is_none());
    assert!(
        root.at("ws_virt_network_dep")
            .unwrap()
            .get("36.250.74.xx")
            .unwrap()
            .at("port_0.ip")
            .unwrap()
            .is_text("192.168.2.10")
    );
    let commands: Vec<usize> = root.get("runcmd").unwrap().items().map(|item| item.items().count()).collect();
    assert_eq!(commands, [5, 0, 2]);
    assert_eq!(root.get("manage-resolv-conf").unwrap().scalar(), Scalar::Bool(true));
}

/// Random words of YAML one after another: no panic, a fault inside the text, and what was read can be walked and decoded.
#[test]
fn any_words_are_read_or_refused() {
    let words = [
        "a",
        "key: ",
        "- ",
        "-",
        "? ",
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        " ",
        "\t",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "# c",
        "|",
        ">",
        "|+2\n",
        ">-\n",
        "&a ",
        "*a",
        "<<: ",
        "!!binary ",
        "!!int ",
        "!",
        "---",
        "...",
        "%YAML 1.1\n",
        "\\",
        "\\u00e9",
        "é",
        "\u{FEFF}",
        "0x1F",
        "1.5",
        "~",
        "=",
        "@",
        "aGk=",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % bound
    };
    let (mut read, rounds) = (0, 20_000);
    for _ in 0..rounds {
        let text: String = (0..1 + random(12)).map(|_| words[random(words.len())]).collect();
        let mut sources = Sources::new();
        let source = sources.add("words", text.clone().into_bytes());
        match parse(text.as_bytes(), source) {
            Ok(doc) => {
                read += 1;
                for id in 0..doc.len() {
                    let value = Value { doc: &doc, sources: &sources, id: crate::format::doc::NodeId(id as u32) };
                    let _ = (value.scalar(), value.bytes(1000), value.position());
                }
            }
            Err(fault) => {
                let lines = text.replace("\r\n", "\n").replace('\r', "\n").split('\n').count();
                assert!(
                    fault.line >= 1 && fault.line as usize <= lines && !fault.expected.is_empty(),
                    "{text:?}: {fault}"
                );
                assert!(fault.column >= 1 && fault.column as usize <= text.len() + 1, "{text:?}: {fault}");
            }
        }
    }
    assert!(read > rounds / 50, "only {read} of {rounds} were YAML");
}
