use alloc::string::ToString;

use super::super::{How, merge};
use super::*;
use crate::format::emit::Json;
use crate::format::yaml;
use crate::host::write::Buffer;

/// A document that patches are applied to, from YAML.
fn document(text: &str) -> (Doc, Sources) {
    let mut sources = Sources::new();
    let id = sources.add("doc", text.into());
    let doc = yaml::parse(sources.text(id), id).unwrap();
    (doc, sources)
}

fn shown(doc: &Doc, sources: &Sources) -> String {
    let Some(root) = doc.value(sources) else { return String::new() };
    let mut out = Buffer::new(usize::MAX);
    let mut json = Json::new(&mut out, None);
    json.value(&root).unwrap();
    json.finish().unwrap();
    String::from_utf8(out.bytes).unwrap().trim_end().replace(", ", ",").replace(": ", ":")
}

fn applied(doc: &mut Doc, sources: &mut Sources, text: &str) -> Result<(), Error> {
    patch(doc, sources, "p.json", text.into(), &mut Visits::default())
}

fn result(document_text: &str, text: &str) -> Result<String, String> {
    let (mut doc, mut sources) = document(document_text);
    let before = shown(&doc, &sources);
    match applied(&mut doc, &mut sources, text) {
        Ok(()) => Ok(shown(&doc, &sources)),
        Err(error) => {
            assert_eq!(shown(&doc, &sources), before, "a patch that fails changes nothing: {text}");
            Err(error.to_string())
        }
    }
}

/// RFC 6902, appendix A, and what stands between its lines.
#[test]
fn operations_of_the_rfc() {
    for (doc, text, wanted) in [
        ("{foo: bar}", r#"[]"#, r#"{"foo":"bar"}"#),
        ("", r#"[{"op": "add", "path": "/a", "value": 1}]"#, r#"{"a":1}"#),
        ("{foo: bar}", r#"[{"op": "add", "path": "/baz", "value": "qux"}]"#, r#"{"foo":"bar","baz":"qux"}"#),
        ("{foo: bar}", r#"[{"op": "add", "path": "/foo", "value": [1]}]"#, r#"{"foo":[1]}"#),
        ("{foo: bar}", r#"[{"op": "add", "path": "", "value": {"a": 1}}]"#, r#"{"a":1}"#),
        ("{foo: [a, b]}", r#"[{"op": "add", "path": "/foo/1", "value": "x"}]"#, r#"{"foo":["a","x","b"]}"#),
        ("{foo: [a, b]}", r#"[{"op": "add", "path": "/foo/0", "value": "x"}]"#, r#"{"foo":["x","a","b"]}"#),
        ("{foo: [a, b]}", r#"[{"op": "add", "path": "/foo/2", "value": "x"}]"#, r#"{"foo":["a","b","x"]}"#),
        ("{foo: []}", r#"[{"op": "add", "path": "/foo/-", "value": ["x"]}]"#, r#"{"foo":[["x"]]}"#),
        ("{a: 1, b: 2, c: 3}", r#"[{"op": "remove", "path": "/b"}]"#, r#"{"a":1,"c":3}"#),
        ("{a: 1, b: 2}", r#"[{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/b"}]"#, "{}"),
        ("{foo: [a, b, c]}", r#"[{"op": "remove", "path": "/foo/1"}]"#, r#"{"foo":["a","c"]}"#),
        ("{foo: [a, b, c]}", r#"[{"op": "remove", "path": "/foo/2"}]"#, r#"{"foo":["a","b"]}"#),
        ("{a: 1, b: 2}", r#"[{"op": "replace", "path": "/a", "value": null}]"#, r#"{"a":null,"b":2}"#),
        ("{a: [1, 2]}", r#"[{"op": "replace", "path": "/a/1", "value": {}}]"#, r#"{"a":[1,{}]}"#),
        ("{a: 1}", r#"[{"op": "replace", "path": "", "value": {"b": 2}}]"#, r#"{"b":2}"#),
        (
            "{a: 1}",
            r#"[{"op": "add", "path": "", "value": [1]}, {"op": "test", "path": "/0", "value": 1},
            {"op": "add", "path": "", "value": {}}]"#,
            "{}",
        ),
        (
            "{foo: {bar: baz, waldo: fred}, qux: {corge: grault}}",
            r#"[{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}]"#,
            r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
        ),
        ("{f: [a, g, c, e]}", r#"[{"op": "move", "from": "/f/1", "path": "/f/3"}]"#, r#"{"f":["a","c","e","g"]}"#),
        ("{a: 1}", r#"[{"op": "move", "from": "/a", "path": "/a"}]"#, r#"{"a":1}"#),
        ("{a: {b: 1}}", r#"[{"op": "move", "from": "/a", "path": "/ab"}]"#, r#"{"ab":{"b":1}}"#),
        ("{a: {b: 1}}", r#"[{"op": "copy", "from": "/a", "path": "/a/c"}]"#, r#"{"a":{"b":1,"c":{"b":1}}}"#),
        ("{a: 1}", r#"[{"op": "copy", "from": "", "path": "/b"}]"#, r#"{"a":1,"b":{"a":1}}"#),
        ("{a: [1, {b: c}]}", r#"[{"op": "test", "path": "/a", "value": [1.0, {"b": "c"}]}]"#, r#"{"a":[1,{"b":"c"}]}"#),
        ("{a: {x: 1, y: 2}}", r#"[{"op": "test", "path": "/a", "value": {"y": 2, "x": 1}}]"#, r#"{"a":{"x":1,"y":2}}"#),
        ("{a: 1}", r#"[{"op": "test", "path": "", "value": {"a": true}}]"#, r#"{"a":1}"#),
        (
            "{a/b: 1, m~n: 2, '': 3, '~1': 4}",
            r#"[{"op": "remove", "path": "/a~1b"}, {"op": "remove", "path": "/m~0n"},
            {"op": "remove", "path": "/"}]"#,
            r#"{"~1":4}"#,
        ),
        ("{'~1': 4}", r#"[{"op": "remove", "path": "/~01"}]"#, "{}"),
        ("{é: 1}", r#"[{"op": "replace", "path": "/\u00e9", "value": "\ud83d\ude00"}]"#, "{\"é\":\"😀\"}"),
        ("{1: a}", r#"[{"op": "add", "path": "/1", "value": "b"}]"#, r#"{"1":"a","1":"b"}"#),
        ("{a: 1, a: 2}", r#"[{"op": "test", "path": "/a", "value": 2}]"#, r#"{"a":2}"#),
        ("{-: 1}", r#"[{"op": "replace", "path": "/-", "value": 2}]"#, r#"{"-":2}"#),
        ("{a: 1}", r#"[{"op": "test", "path": "/a", "value": 1, "xyz": 123}]"#, r#"{"a":1}"#),
    ] {
        assert_eq!(result(doc, text).as_deref(), Ok(wanted), "{doc} {text}");
    }
}

/// What each operation does is seen by the next, and what a copy became of is not changed with it.
#[test]
fn operations_build_on_each_other() {
    for (doc, text, wanted) in [
        (
            "{}",
            r#"[{"op": "add", "path": "/a", "value": {"l": [1]}}, {"op": "copy", "from": "/a", "path": "/b"},
                {"op": "add", "path": "/a/l/-", "value": 2}, {"op": "copy", "from": "/a", "path": "/c"},
                {"op": "replace", "path": "/a/l/0", "value": 9}, {"op": "remove", "path": "/c/l/0"}]"#,
            r#"{"a":{"l":[9,2]},"b":{"l":[1]},"c":{"l":[2]}}"#,
        ),
        ("x: &x {k: 1}\ny: *x\n", r#"[{"op": "replace", "path": "/x/k", "value": 2}]"#, r#"{"x":{"k":2},"y":{"k":1}}"#),
        (
            "{a: {b: {c: 1}}}",
            r#"[{"op": "move", "from": "/a/b", "path": "/b"}, {"op": "add", "path": "/b/d", "value": 2},
                {"op": "move", "from": "/b", "path": "/a/-"}]"#,
            r#"{"a":{"-":{"c":1,"d":2}}}"#,
        ),
    ] {
        assert_eq!(result(doc, text).as_deref(), Ok(wanted), "{doc} {text}");
    }
}

#[test]
fn merges_go_on_behind_a_patch() {
    let (mut doc, mut sources) = document("{l: [1], m: {a: 1}}");
    let more = |doc: &mut Doc, sources: &mut Sources, text: &str| {
        let id = sources.add("more", text.into());
        let other = yaml::parse(sources.text(id), id).unwrap();
        merge(doc, sources, other, &How::parse("list(append)+dict(recurse_list)+str()").unwrap()).unwrap();
    };
    more(&mut doc, &mut sources, "{l: [2], m: {b: 2}}");
    applied(
        &mut doc,
        &mut sources,
        r#"[{"op": "copy", "from": "/l", "path": "/k"}, {"op": "add", "path": "/l/-", "value": 3}]"#,
    )
    .unwrap();
    more(&mut doc, &mut sources, "{l: [4], k: [5], m: {c: 3}}");
    assert_eq!(shown(&doc, &sources), r#"{"l":[1,2,3,4],"m":{"a":1,"b":2,"c":3},"k":[1,2,5]}"#);
    // One that fails leaves also what it had changed in place.
    let failing = r#"[{"op": "add", "path": "/l/0", "value": 0}, {"op": "remove", "path": "/k"}, {"op": "remove", "path": "/none"}]"#;
    applied(&mut doc, &mut sources, failing).unwrap_err();
    assert_eq!(shown(&doc, &sources), r#"{"l":[1,2,3,4],"m":{"a":1,"b":2,"c":3},"k":[1,2,5]}"#);
}

#[test]
fn what_cannot_be_applied_says_which_and_where() {
    const DOC: &str = "{a: {b: 1}, l: [1, 2], t: text}";
    let apply = |text: &str| format!("cannot apply p.json, {text}");
    for (text, wanted) in [
        ("[\n1,", "cannot read p.json: line 2, column 3: expected a value".to_string()),
        ("{}", "cannot read p.json: line 1, column 1: expected a list of operations".to_string()),
        ("null", "cannot read p.json: line 1, column 1: expected a list of operations".to_string()),
        ("[1]", apply("operation 1 (): line 1, column 2: expected an operation with `op`")),
        (r#"[{"op": "test"}]"#, apply("operation 1 (): line 1, column 2: expected an operation with `path`")),
        (r#"[{"op": 1, "path": ""}]"#, apply("operation 1 (): line 1, column 9: expected a string")),
        (
            r#"[{"op": "sum", "path": "/a"}]"#,
            apply("operation 1 (/a): line 1, column 10: expected add, remove, replace, move, copy or test"),
        ),
        (
            r#"[{"op": "add", "path": "/a"}]"#,
            apply("operation 1 (/a): line 1, column 2: expected an operation with `value`"),
        ),
        (
            r#"[{"op": "copy", "path": "/a"}]"#,
            apply("operation 1 (/a): line 1, column 2: expected an operation with `from`"),
        ),
        (r#"[{"op": "remove", "path": "a"}]"#, apply("operation 1 (a): line 1, column 28: expected a JSON pointer")),
        (
            r#"[{"op": "remove", "path": "/a~2"}]"#,
            apply("operation 1 (/a~2): line 1, column 28: expected a JSON pointer"),
        ),
        (
            r#"[{"op": "remove", "path": "/a~"}]"#,
            apply("operation 1 (/a~): line 1, column 28: expected a JSON pointer"),
        ),
        (
            "[{\"op\": \"test\", \"path\": \"/a/b\", \"value\": 1},\n {\"op\": \"remove\", \"path\": \"/a/c\"}]",
            apply("operation 2 (/a/c): line 2, column 28: expected a value that is there"),
        ),
        (
            r#"[{"op": "remove", "path": ""}]"#,
            apply("operation 1 (): line 1, column 28: expected a place inside the document"),
        ),
        (
            r#"[{"op": "remove", "path": "/l/2"}]"#,
            apply("operation 1 (/l/2): line 1, column 28: expected a value that is"),
        ),
        (
            r#"[{"op": "remove", "path": "/l/-"}]"#,
            apply("operation 1 (/l/-): line 1, column 28: expected a value that is"),
        ),
        (
            r#"[{"op": "remove", "path": "/l/3"}]"#,
            apply("operation 1 (/l/3): line 1, column 28: expected a number within"),
        ),
        (
            r#"[{"op": "remove", "path": "/l/01"}]"#,
            apply("operation 1 (/l/01): line 1, column 28: expected the number of"),
        ),
        (
            r#"[{"op": "remove", "path": "/l/-1"}]"#,
            apply("operation 1 (/l/-1): line 1, column 28: expected the number of"),
        ),
        (r#"[{"op": "remove", "path": "/l/"}]"#, apply("operation 1 (/l/): line 1, column 28: expected the number of")),
        (
            r#"[{"op": "remove", "path": "/t/0"}]"#,
            apply("operation 1 (/t/0): line 1, column 28: expected a place in a"),
        ),
        (
            r#"[{"op": "add", "path": "/x/y", "value": 1}]"#,
            apply("operation 1 (/x/y): line 1, column 25: expected a value that"),
        ),
        (
            r#"[{"op": "add", "path": "/l/3", "value": 1}]"#,
            apply("operation 1 (/l/3): line 1, column 25: expected a number"),
        ),
        (
            r#"[{"op": "replace", "path": "/l/-", "value": 1}]"#,
            apply("operation 1 (/l/-): line 1, column 29: expected a value"),
        ),
        (
            r#"[{"op": "add", "path": "", "value": []}]"#,
            apply("operation 1 (): line 1, column 25: expected the whole document to be a mapping"),
        ),
        (
            r#"[{"op": "move", "from": "/a", "path": "/a/b"}]"#,
            apply("operation 1 (/a/b): line 1, column 26: expected a place that"),
        ),
        (
            r#"[{"op": "move", "from": "/x", "path": "/b"}]"#,
            apply("operation 1 (/b): line 1, column 26: expected a value that"),
        ),
        (
            r#"[{"op": "test", "path": "/a/b", "value": "1"}]"#,
            apply("operation 1 (/a/b): line 1, column 26: expected the value"),
        ),
        (
            r#"[{"op": "test", "path": "/l", "value": [1]}]"#,
            apply("operation 1 (/l): line 1, column 26: expected the value"),
        ),
        (
            r#"[{"op": "test", "path": "/a", "value": {"b": 1, "c": 2}}]"#,
            apply("operation 1 (/a): line 1, column 26: expected"),
        ),
        (
            r#"[{"op": "test", "path": "/a", "value": {}}]"#,
            apply("operation 1 (/a): line 1, column 26: expected the value"),
        ),
        (
            r#"[{"op": "remove", "path": "/x\ny"}]"#,
            apply("operation 1 (/x?y): line 1, column 28: expected a value that"),
        ),
    ] {
        let told = result(DOC, text).unwrap_err();
        assert!(told.starts_with(&wanted), "{text}\n{told}");
    }
}

/// No deeper than what is written can be, on either side of the bound.
#[test]
fn patched_documents_nest_so_deep() {
    let add = |names: usize, inside: usize| {
        let path = "/a".repeat(names);
        format!(r#"{{"op": "add", "path": "{path}", "value": {}{}}}"#, "[".repeat(inside), "]".repeat(inside))
    };
    let to_depth = |depth: usize, inside: usize| {
        let mut operations: Vec<String> = (1..depth)
            .map(|names| format!(r#"{{"op": "add", "path": "{}", "value": {{}}}}"#, "/a".repeat(names)))
            .collect();
        operations.push(add(depth, inside));
        format!("[{}]", operations.join(","))
    };
    assert!(result("{}", &to_depth(MAX_NESTING - 2, 2)).is_ok());
    assert!(
        result("{}", &to_depth(MAX_NESTING - 2, 3)).unwrap_err().ends_with("expected collections nested less deeply")
    );
    assert!(result("{}", &to_depth(MAX_NESTING, 0).replace(r#""value": }"#, r#""value": 1}"#)).is_ok());
    let told = result("{}", &format!("[{}]", add(MAX_NESTING + 1, 1))).unwrap_err();
    assert!(told.ends_with("expected a JSON pointer of fewer names"), "{told}");
}

/// Copies of copies would double without end, and long lists passed again and again take time.
#[test]
fn work_is_bounded() {
    let copies = |count: usize| format!("[{}]", vec_of(r#"{"op": "copy", "from": "", "path": "/a"}"#, count));
    assert!(result("{b: 1}", &copies(10)).is_ok());
    let doubled: Vec<String> = (0..40).map(|at| format!(r#"{{"op": "copy", "from": "", "path": "/{at}"}}"#)).collect();
    let told = result("{b: 1}", &format!("[{}]", doubled.join(","))).unwrap_err();
    assert!(told.contains("1,000,000"), "{told}");
    let long = format!("l: [{}]", "0, ".repeat(100_000));
    let ends = |count: usize| format!("[{}]", vec_of(r#"{"op": "test", "path": "/l/99999", "value": 0}"#, count));
    assert!(result(&long, &ends(100)).is_ok());
    let told = result(&long, &ends(1_000)).unwrap_err();
    assert!(told.contains("1,000,000"), "{told}");
}

fn vec_of(operation: &str, count: usize) -> String {
    alloc::vec![operation; count].join(",")
}
