//! What the differential test does not see: places of errors, bounds, the names of what is missing.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::format::doc::Sources;
use crate::format::json;

const DATA: &str = r#"{"v1": {"local-hostname": "h1", "region": null, "keys": ["a", "b"]}, "n": 7,
    "ds": {"a-b": {"c.d": 1, "x==y": 2}, "list": [{"e-f": 1}]}, "k": 1, "k": 2, "big": 123456789012345678901}"#;

fn variables(text: &str) -> Variables {
    let mut sources = Sources::new();
    let id = sources.add("data", text.into());
    let doc = json::parse(sources.text(id), id).unwrap();
    Variables::new(&doc.value(&sources).unwrap()).unwrap()
}

fn rendered(template: &str) -> Result<Rendered, String> {
    let text = format!("## template: jinja\n{template}");
    render(text.as_bytes(), &variables(DATA)).map_err(|error| format!("{error}"))
}

#[test]
fn variables_have_cloud_inits_aliases() {
    for (template, wanted) in [
        ("{{ local_hostname }} {{ v1['local-hostname'] }} {{ v1.local_hostname }}", "h1 h1 h1"),
        ("{{ ds.a_b.c_d }}{{ ds['a-b']['c.d'] }}{{ ds.a_b.x_y }}", "112"),
        // Not in lists, as in cloud-init.
        ("{{ ds.list[0]['e-f'] }} {{ ds.list[0].e_f is defined }}", "1 False"),
        ("{{ k }} {{ big }}", "2 123456789012345678901"),
        ("{{ v1|list }}", "['keys', 'local-hostname', 'local_hostname', 'region']"),
    ] {
        assert_eq!(rendered(template).unwrap().text, wanted, "{template}");
    }
}

#[test]
fn the_first_line_says_that_it_is_a_template() {
    for header in ["## template: jinja", "##template:jinja", "##  TEMPLATE:  Jinja ", "## template: jinja\r"] {
        let done = render(format!("{header}\nn={{{{ n }}}}\r\n").as_bytes(), &variables(DATA)).unwrap();
        assert_eq!(done.text, "n=7\n", "{header:?}");
    }
    assert_eq!(render(b"## template: jinja", &variables(DATA)).unwrap(), Rendered::default());
    for header in ["", "# template: jinja", "## template: basic", "\n## template: jinja\n", "## template jinja"] {
        let error = render(header.as_bytes(), &variables(DATA)).unwrap_err();
        assert_eq!((error.line, error.column), (1, 1), "{header:?}");
    }
    let error = render(b"## template: jinja\nab\xff", &variables(DATA)).unwrap_err();
    assert_eq!(format!("{error}"), "line 2, column 3: expected UTF-8 text");
}

#[test]
fn what_is_missing_is_named_once() {
    let done = rendered("{{ a }} {{ v1.b }} {{ a }} {{ c|default('x') }} {{ 'y' if n else d }}").unwrap();
    assert_eq!(done.text, "CI_MISSING_JINJA_VAR/a CI_MISSING_JINJA_VAR/b CI_MISSING_JINJA_VAR/a x y");
    assert_eq!(done.missing, ["a", "b"]);
}

#[test]
fn errors_say_where() {
    for (template, wanted) in [
        ("ab {{ n }} {{ 1 + }}", "line 2, column 19: expected a value"),
        ("{{ n", "line 2, column 5: expected `}}`"),
        ("{% if n }", "line 2, column 9: expected `%}`"),
        ("{% if n %}\nx", "line 3, column 2: expected `{% endif %}`"),
        ("a\r\n{% endfor %}", "line 3, column 4: expected a statement, not `endfor`"),
        ("{% if n %}{% endfor %}", "line 2, column 14: expected a statement, not `endfor`"),
        ("{% for 1 in n %}", "line 2, column 8: expected a name"),
        ("{% for x of n %}", "line 2, column 10: expected `in`"),
        ("{% for x in keys recursive %}", "line 2, column 18: expected `%}` (a recursive loop is not supported)"),
        ("{# x", "line 2, column 1: expected `#}` at the end of this comment"),
        ("{% raw %} x", "line 2, column 1: expected `{% endraw %}` behind this"),
        ("{{ 'x }}", "line 2, column 4: expected the closing quote of this text"),
        (
            "{{ '\\x4' }}",
            "line 2, column 4: expected no escapes but `\\n`, `\\r`, `\\t` and those of quotes (others are not supported)",
        ),
        ("{{ a ! b }}", "line 2, column 6: expected a value or an operator"),
        ("{{ [1 2] }}", "line 2, column 7: expected `,` or a closing bracket"),
        ("{{ n. }}", "line 2, column 7: expected a name behind the point"),
        (
            "{% for x in keys %}{{ loop.depth }}{% endfor %}",
            "line 2, column 27: expected a member of `loop` that wisp has",
        ),
        ("{{ n is odd 3 }}", "line 2, column 13: expected no argument here"),
        ("{{ range(*keys) }}", "line 2, column 10: expected an argument (`*` in front of one is not supported)"),
        (
            "{{ 99999999999999999999 }}",
            "line 2, column 4: expected an integer of at most 64 bits, without zeros in front",
        ),
        ("{% macro x() %}", "line 2, column 4: expected a statement that wisp has (`macro` is not supported)"),
        ("{% include 'x' %}", "line 2, column 4: expected a statement that wisp has (`include` is not supported)"),
        ("{{ v1.a.b }}", "line 2, column 8: expected `a` to be defined"),
        (
            "{{ v1.local-hostname }}",
            "line 2, column 12: expected `local` to be defined (a hyphen in a key is written `_`)",
        ),
        ("{{ a + 1 }}", "line 2, column 6: expected `a` to be defined"),
        ("{{ 1 + 'a' }}", "line 2, column 6: expected values that this operator works on"),
        ("{{ n // 0 }}", "line 2, column 6: expected a divisor other than zero"),
        ("{{ 4611686018427387904 * 2 }}", "line 2, column 24: expected a result of at most 64 bits"),
        ("{{ 2 ** 6 }}", "line 2, column 6: expected another operator (`**`, and `%` of a text, are not supported)"),
        ("{{ '%s' % n }}", "line 2, column 9: expected another operator (`**`, and `%` of a text, are not supported)"),
        ("{{ keys[1:] }}", "line 2, column 10: expected `]` (slices are not supported)"),
        ("{{ keys[:1] }}", "line 2, column 9: expected a key or an index (slices are not supported)"),
        ("{% with a = 1 %}", "line 2, column 4: expected a statement that wisp has (`with` is not supported)"),
        ("{% filter upper %}", "line 2, column 4: expected a statement that wisp has (`filter` is not supported)"),
        (
            "{% set a %}b{% endset %}",
            "line 2, column 10: expected `=` (a block as value, and a member of a namespace, are not supported)",
        ),
        (
            "{% set a.b = 1 %}",
            "line 2, column 9: expected `=` (a block as value, and a member of a namespace, are not supported)",
        ),
        ("{{ n|int(0, 16) }}", "line 2, column 13: expected no argument here, or none of this name"),
        ("{{ n|default(value=1) }}", "line 2, column 14: expected no argument here, or none of this name"),
        ("{{ n|replace('a') }}", "line 2, column 6: expected more arguments"),
        (
            "{{ [{'a': 1}]|sort(attribute='a,b') }}",
            "line 2, column 15: expected one attribute (several are not supported)",
        ),
        ("{{ 012 }}", "line 2, column 4: expected an integer of at most 64 bits, without zeros in front"),
        ("{{ 1 < 'a' }}", "line 2, column 6: expected two numbers or two texts to compare"),
        ("{{ 1 in n }}", "line 2, column 6: expected a text, list or mapping behind `in`"),
        ("{% for x in n %}{% endfor %}", "line 2, column 13: expected a list, a mapping or a text"),
        ("{% set a, b = keys + [1] %}", "line 2, column 8: expected as many values to unpack as there are names"),
        ("{{ n|nosuch }}", "line 2, column 6: expected a filter that wisp has (`nosuch` is not supported)"),
        ("{{ n is nosuch }}", "line 2, column 9: expected a test that wisp has (`nosuch` is not supported)"),
        (
            "{{ keys.append(1) }}",
            "line 2, column 9: expected a method that wisp has for this value (`append` is not supported)",
        ),
        ("{{ n() }}", "line 2, column 4: expected `range`, the function that wisp has (`n` is not supported)"),
        // The syntax error further down is the one to mend first.
        ("{{ a.b }}{% if %}", "line 2, column 16: expected a value"),
    ] {
        assert_eq!(rendered(template), Err(wanted.into()), "{template}");
    }
}

#[test]
fn nesting_is_bounded() {
    // The text itself is one block, and a value one expression.
    let most = MAX_TEMPLATE_NESTING - 2;
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("1 if 0 else ", "")] {
        let template = |depth: usize| format!("{{{{ {}1{} }}}}", open.repeat(depth), close.repeat(depth));
        assert!(rendered(&template(most)).is_ok(), "{open}");
        let error = rendered(&template(most + 1)).unwrap_err();
        assert!(
            error.ends_with("expected at most 64 blocks, expressions and values inside each other"),
            "{open} {error}"
        );
        assert!(rendered(&template(100_000)).is_err());
    }
    let blocks = |depth: usize| format!("{}{}", "{% if n %}".repeat(depth), "{% endif %}".repeat(depth));
    assert_eq!(rendered(&blocks(most + 1)).unwrap().text, "");
    assert!(rendered(&blocks(most + 2)).is_err());
    // Values too, which are printed and compared level by level: one list is inside the text.
    for (work, most) in [
        ("{{ x }}", 62),
        ("{{ x|tojson }}", 61),
        ("{{ x == x }}", 62),
        ("{{ x < x }}", 62),
        ("{{ {'a': x} == {'a': x} }}", 61),
    ] {
        let lists = |depth: usize| format!("{{% set x = [] %}}{}{work}", "{% set x = [x] %}".repeat(depth));
        assert!(rendered(&lists(most)).is_ok(), "{work}");
        let error = rendered(&lists(most + 1)).unwrap_err();
        assert!(error.ends_with("expected at most 64 blocks, expressions and values inside each other"), "{error}");
    }
}

#[test]
fn output_is_bounded() {
    let template = |more: &str| format!("{{{{ 'x' * {} }}}}{more}", MAX_TEMPLATE_OUTPUT);
    assert_eq!(rendered(&template("")).unwrap().text.len(), MAX_TEMPLATE_OUTPUT);
    assert!(rendered(&template("y")).unwrap_err().ends_with("expected at most 16 MiB of output"));
}

#[test]
fn work_is_bounded() {
    let cost = "expected templates that take less than 64 MiB of work, all together";
    // 32 for each item when the list is made, once more when it is one, and again when the loop goes over it.
    let most = MAX_TEMPLATE_WORK / 32 / 3 - 100;
    assert!(rendered(&format!("{{{{ range({most})|length }}}}")).is_ok());
    for template in [
        "{{ range(9999999999)|length }}",
        "{{ 'x' * 99999999999 }}",
        "{{ 'x'|indent(99999999999, true) }}",
        "{{ range(999999)|reverse|sort|length }}",
        "{{ range(99999)|unique|length }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ '' }}{% endfor %}{% endfor %}",
        "{% set x = 'abcdefgh' * 999 %}{% for i in range(9999) %}{% set y = x ~ x ~ x %}{% endfor %}",
        "{% for i in range(9999) %}{% if 0 %}                                                                                 \
         {{ 1 if 2 else 3 }}{% endif %}{{ ('x' * 9999)|replace('x', 'yyyy')|length }}{% endfor %}",
    ] {
        let error = rendered(template).unwrap_err();
        assert!(error.ends_with(cost), "{template}: {error}");
    }
}

#[test]
fn no_vocabulary_breaks_it() {
    const WORDS: &[&str] = &[
        "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", " ", "\n", "if ", "else ", "endif", "for ", " in ", "endfor",
        "set ", "x", "n", "keys", "'a'", "1", ".", "|", "upper", "join", "(", ")", "[", "]", "{", "}", ":", ",", "=",
        "~", " is ", "not ", "raw", "endraw", "1e999", "é", "\\", "\"",
    ];
    let variables = variables(DATA);
    let mut state = 1u64;
    for _ in 0..20_000 {
        let mut text = String::from("## template: jinja\n{{");
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text += WORDS[(state >> 33) as usize % WORDS.len()];
        }
        if let Err(error) = render(text.as_bytes(), &variables) {
            let lines: Vec<&str> = text.split('\n').collect();
            assert!(error.line as usize <= lines.len(), "{text:?} {error}");
            assert!(error.column as usize <= lines[error.line as usize - 1].len() + 1, "{text:?} {error}");
        }
    }
}
