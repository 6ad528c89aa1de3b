//! Equal keys: which of them counts, and what is said of it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::parse;
use super::tests::read;
use crate::format::doc::Sources;
use crate::limits::MAX_ITEM_ERRORS;

/// The warnings, without the text's name.
fn said(text: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let source = sources.add("test", text.as_bytes().to_vec());
    let doc = parse(text.as_bytes(), source).unwrap();
    let after = " already: the last one counts";
    doc.warnings(&sources).iter().map(|text| text.replace("test:", "").replace(after, "")).collect()
}

#[test]
fn the_last_one_counts_in_the_place_of_the_first() {
    for (text, wanted, warnings) in [
        ("a: 1\na: 2\n", r#"{"a":2}"#, &["2:1: `a` stands on line 1"][..]),
        ("b: 0\na: 1\nc: 3\na: 2\nd: 4\n", r#"{"b":0,"a":2,"c":3,"d":4}"#, &["4:1: `a` stands on line 2"]),
        (
            "a: 1\nb: 2\na: 3\nb: 4\na: 5",
            r#"{"a":5,"b":4}"#,
            &["3:1: `a` stands on line 1", "4:1: `b` stands on line 2", "5:1: `a` stands on line 1"],
        ),
        (
            "{a: 1, 'a': 2, \"\\x61\": 3}",
            r#"{"a":3}"#,
            &["1:9: `a` stands on line 1", "1:17: `\\x61` stands on line 1"],
        ),
        ("- a: {b: 1,\n     b: 2}\n", r#"[{"a":{"b":2}}]"#, &["2:6: `b` stands on line 1"]),
        // What is one key to Python.
        (
            "1: a\n1.0: b\nyes: c\n0x1: d\n",
            "{1:\"d\"}",
            &["2:1: `1.0` stands on line 1", "3:1: `yes` stands on line 1", "4:1: `0x1` stands on line 1"],
        ),
        ("~: a\nnull: b\n? \n: c\n", "{null:\"c\"}", &["2:1: `null` stands on line 1", "4:1: `key` stands on line 1"]),
        (".inf: a\n.INF: b\n-.inf: c\n", "{.inf:\"b\",-.inf:\"c\"}", &["2:1: `.INF` stands on line 1"]),
        ("? |\n  a\n: 1\n\"a\\n\": 2\n", r#"{"a\n":2}"#, &["4:2: `a\\n` stands on line 2"]),
        ("&k a: 1\n*k : 2\n", r#"{"a":2}"#, &["2:1: `a` stands on line 1"]),
        // And what is not.
        (
            "1: a\n'1': b\nyes: c\n'yes': d\n~: e\n'~': f\n1.5: g\n",
            "{1:\"c\",\"1\":\"b\",\"yes\":\"d\",null:\"e\",\"~\":\"f\",1.5:\"g\"}",
            &["3:1: `yes` stands on line 1"],
        ),
        ("a: {k: 1}\nb: {k: 2}\n", r#"{"a":{"k":1},"b":{"k":2}}"#, &[]),
        ("- &x {k: 1}\n- {<<: *x, <<: {l: 2}, '<<': 3, k: 4}\n", r#"[{"k":1},{"k":4,"l":2,"<<":3}]"#, &[]),
        ("- &x {k: 1}\n- {k: 2, <<: *x, k: 3}\n", r#"[{"k":1},{"k":3}]"#, &["2:18: `k` stands on line 2"]),
    ] {
        assert_eq!(
            (read(text).as_str(), said(text)),
            (wanted, warnings.iter().map(ToString::to_string).collect()),
            "{text}"
        );
    }
}

/// Wherever the two stand, with one third of the slots empty and with two.
#[test]
fn large_mappings_are_like_small_ones() {
    for count in [2, 3, 10, 11, 12, 42, 43, 100] {
        for (first, again) in (0..count).flat_map(|again| (0..again).map(move |first| (first, again))).step_by(7) {
            let (mut text, mut wanted) = (String::new(), Vec::new());
            for line in 0..count {
                let key = if line == again { first } else { line };
                writeln!(text, "k{key}: {line}").unwrap();
                if line != again {
                    wanted.push(alloc::format!("\"k{key}\":{}", if line == first { again } else { line }));
                }
            }
            assert_eq!(read(&text), alloc::format!("{{{}}}", wanted.join(",")));
            assert_eq!(said(&text), [alloc::format!("{}:1: `k{first}` stands on line {}", again + 1, first + 1)]);
        }
    }
}

#[test]
fn warnings_are_counted_beyond_a_bound() {
    let text = |count: usize| "key: 1\n".repeat(count + 1);
    assert_eq!(said(&text(MAX_ITEM_ERRORS)).len(), MAX_ITEM_ERRORS);
    let more = said(&text(MAX_ITEM_ERRORS + 3));
    assert_eq!(more.len(), MAX_ITEM_ERRORS + 1);
    assert_eq!(more[MAX_ITEM_ERRORS], " 3 more keys stand in their mapping already");
    let long = "k".repeat(65);
    let said = said(&alloc::format!("{long}: 1\n{long}: 2\n"));
    assert_eq!(said, ["2:1: `key` stands on line 1"]);
}

/// Keys whose hashes end in the same bits: it takes work to find them, and reading them would take more.
#[test]
fn keys_made_to_collide_are_refused() {
    use crate::format::doc::{Kind, Node, SourceId, Style};
    use crate::format::scalar;
    let (mut text, mut keys) = (String::from("{"), 0);
    for number in 0..4_000_000 {
        let key = alloc::format!("{number:07}k");
        let node = Node::new(Kind::Scalar, Style::Plain, SourceId(0), 0, key.len());
        if scalar::hash(&node, key.as_bytes()) & 0x3FFF == 0 {
            writeln!(text, "{key}: 1,").unwrap();
            keys += 1;
        }
    }
    assert!(keys > 200, "{keys} keys");
    text.push('}');
    let fault = parse(text.as_bytes(), SourceId(0)).unwrap_err();
    assert_eq!(fault.expected, "keys that were not made to collide");
    assert_eq!(fault.column, 1);
}
