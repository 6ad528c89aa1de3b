//! Templates for the differential test: as people write them, and random ones.

use super::python::Dice;

/// Instance data as a config drive gives it, and values of every type.
pub const DATA: &str = r##"{
 "v1": {"instance-id": "1e5f3a5c-8ab7-4a4e-9b5c-0d1f3c2b4a69", "instance_id": "1e5f3a5c-8ab7-4a4e-9b5c-0d1f3c2b4a69",
  "local-hostname": "station-7.example.org", "local_hostname": "station-7.example.org", "cloud-name": "openstack", "cloud_name": "openstack",
  "platform": "openstack", "subplatform": "config-disk (/dev/sr0)", "region": null, "availability-zone": "nova", "availability_zone": "nova",
  "distro": "centos", "distro_release": "Final", "distro_version": "6.10", "kernel_release": "2.6.32-754.el6.x86_64", "machine": "x86_64",
  "public_ssh_keys": ["ssh-ed25519 AAAA a@b", "ssh-rsa BBBB c@d"], "system_platform": "Linux", "variant": "centos", "_beta_keys": ["subplatform"]},
 "ds": {"_doc": "x", "meta_data": {"uuid": "1e5f", "hostname": "station-7", "random_seed": "AQID", "launch_index": 0, "dsmode": "local",
   "meta": {"role": "web", "tier.one": "yes", "size-gb": "40"}, "devices": [{"type": "nic", "bus": "pci", "mac": "fa:16:3e:00:00:01", "tags": ["a", "b"]}, {"type": "disk", "bus": "scsi", "tags": []}],
   "public_keys": {"k1": "ssh-rsa AAAA k1", "k2": "ssh-rsa BBBB k2"}},
  "network_json": {"services": [{"type": "dns", "address": "10.0.0.2"}], "networks": [{"id": "n0", "type": "ipv4", "ip_address": "10.0.0.5", "netmask": "255.255.255.0", "routes": [{"network": "0.0.0.0", "gateway": "10.0.0.1"}]}], "links": []}},
 "sys_info": {"dist": ["centos", "6.10", "Final"], "uname": ["Linux", "h", "2.6.32", "#1", "x86_64", ""]},
 "n": 7, "zero": 0, "neg": -3, "f": 2.5, "big": 1099511627776, "t": true, "no": false, "nothing": null, "empty": "", "s": "Hello World", "q": "it's \"so\" <b>&",
 "uni": "naïve — ☃", "lines": "one\n two\n\nthree\n", "xs": [3, 1, 2], "words": ["pear", "Apple", "fig", "apple"], "mixed": [1, "1", null, true, 1.0], "none_list": [],
 "d": {"b": 2, "a": 1, "c": 3}, "nested": {"x": {"y": {"z": [1, {"w": "deep"}]}}}, "pairs": [["a", 1], ["b", 2]], "users": [{"name": "ann", "uid": 1001, "groups": ["wheel"]}, {"name": "bob", "uid": 1000, "shell": "/bin/sh"}]
}"##;

/// What cloud-init gives the templates that it ships.
pub const SYSTEM_DATA: &[&str] = &[
    r#"{"variant": "debian", "hostname": "h", "fqdn": "h.example.org", "mirror": "http://deb.debian.org/debian", "security": "http://security", "codename": "bookworm",
      "servers": [], "pools": ["0.debian.pool.ntp.org", "1.debian.pool.ntp.org"], "nameservers": ["10.0.0.2", "10.0.0.3"], "searchdomains": ["a", "b"], "domain": "example.org", "sortlist": [],
      "options": {"timeout": 1}, "flags": ["rotate"], "mounts": [], "peers": [], "allow": [], "prefix": "", "features": {}, "alpine_repo": {}, "conf": {}}"#,
    r#"{"variant": "ubuntu", "hostname": "h", "fqdn": "h", "mirror": "m", "primary": "p", "security": "s", "codename": "jammy", "servers": ["a", "b"], "pools": [], "nameservers": [],
      "searchdomains": [], "options": {}, "flags": [], "peers": ["p1"], "allow": ["10.0.0.0/8"], "alpine_repo": {"version": "v3.12", "base_url": "u", "community_enabled": true}, "local_repo": "x"}"#,
    r#"{"variant": "centos"}"#,
];

/// Templates as people write them: from the forms in cloud-init's documentation and in public user-data, each
/// rule of the language at least once.
pub const TABLE: &[&str] = &[
    "#cloud-config\nruncmd:\n - echo 'EC2 public hostname: {{ v1.local_hostname }}'\n",
    "#cloud-config\n{% if v1.distro == 'centos' and v1.distro_version|float < 7 %}\npackages: [old]\n{% elif v1.distro == 'debian' %}\npackages: [deb]\n{% else %}\npackages: [new]\n{% endif %}\n",
    "#!/bin/sh\n{% for key in v1.public_ssh_keys %}\necho {{ key }}\n{% endfor %}\n",
    "#cloud-config\nhostname: {{ v1.local_hostname.split('.')[0] }}\nfqdn: {{ local_hostname }}\n",
    "{{ ds.meta_data.meta.role }} {{ ds['meta_data']['meta']['tier.one'] }} {{ ds.meta_data.meta.tier_one }} {{ ds.meta_data.meta.size_gb }}",
    "{% for name, key in ds.meta_data.public_keys.items() %}\n - {{ key }} # {{ name }}\n{% endfor %}\n",
    "{{ ds.meta_data.missing | default('none') }} {{ missing | d(1) }} {{ empty | default('x', true) }} {{ empty | default('x') }}",
    "{{ missing }} {{ v1.missing }} {{ v1['miss-ing'] }} {{ xs[9] }}",
    "{{ v1.missing.deeper }}",
    "{{ missing-name }}",
    "{{ local-hostname }}",
    "{{ instance_id[0] }} {{ instance_id[-4] }} {{ xs[1] }} {{ xs[-1] }} {{ s[99] }} {{ xs['1'] }}",
    "{% set role = ds.meta_data.meta.role %}\nrole: {{ role | upper }}\n",
    "{# a comment\n over lines #}\ntext\n",
    "{% raw %}{{ not rendered }} {% if %}{% endraw %}\nafter\n",
    "a\n  {%- if t %}\n  b\n  {%- endif %}\nc\n",
    "{% for x in xs -%}\n  {{ x }},\n{%- endfor %}\n",
    "{% for x in xs %}{{ loop.index }}/{{ loop.length }} {{ loop.first }} {{ loop.last }} {{ loop.revindex }} {{ loop.index0 }} {{ loop.revindex0 }}\n{% endfor %}",
    "{% for x in none_list %}{{ x }}{% else %}nothing{% endfor %}",
    "{% for x in xs if x > 1 %}{{ loop.index }}:{{ x }} {% else %}none{% endfor %}",
    "{% for x in missing %}{{ x }}{% else %}none{% endfor %}",
    "{% for a, b in pairs %}{{ a }}={{ b }};{% endfor %}{% for (a, b) in pairs %}{{ a }}{{ b }}{% endfor %}",
    "{% for k in d %}{{ k }}{{ d[k] }}{% endfor %} {{ d.keys()|list }} {{ d.values()|list }} {{ d.get('a') }} {{ d.get('x', 5) }} {{ d.get('x') }}",
    "{% for c in 'abc' %}[{{ c }}]{% endfor %}",
    "{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(1, 10, 4) %}{{ i }}{% endfor %}{{ range(5, 0, -2)|list }}",
    "{% for i in [1,2] %}{% for j in [3,4] %}{{ loop.index }}{{ i }}{{ j }} {% endfor %}{{ loop.index }};{% endfor %}",
    "{% set x = 0 %}{% for i in [1,2] %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% for i in [1,2] %}{{ y }}{% set y = i %}{{ y }} {% endfor %}{{ y }}",
    "{% if t %}{% set z = 1 %}{% endif %}{{ z }}{% if no %}{% set z = 2 %}{% endif %}{{ z }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set l = [1, 'two', 3.0, none, true, {'k': (1,)}] %}{{ l }}",
    "{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ (1 + 2) * 3 }} {{ 7.5 // 2 }} {{ 7.5 % -2 }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 2 > 5 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 1 != 2 }} {{ n >= 7 }} {{ t == 1 }}",
    "{{ 'a' ~ 1 ~ none ~ 2.5 }} {{ 'a' + 'b' }} {{ 'ab' * 2 }} {{ [1] + [3] }} {{ 'x' 'y' }}",
    "{{ not t }} {{ t and no }} {{ t or no }} {{ empty or 'x' }} {{ n and 'y' }} {{ not n == 7 }} {{ no and missing.x }}",
    "{{ 'a' in 'abc' }} {{ 1 in xs }} {{ 9 not in xs }} {{ 'a' in d }} {{ not 'a' in d }} {{ 'x' in missing }}",
    "{{ 'yes' if t else 'no' }} {{ 'yes' if no }} {{ 1 if no else 2 if no else 3 }} {{ missing.x if no else 'safe' }}",
    "{{ missing is defined }} {{ s is defined }} {{ missing is undefined }} {{ v1.region is none }} {{ n is number }} {{ s is string }} {{ d is mapping }} {{ xs is iterable }} {{ xs is sequence }} {{ s is sequence }} {{ n is iterable }}",
    "{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ n is sameas n }} {{ none is sameas none }} {{ n is eq 7 }} {{ n is gt 3 }} {{ n is in xs }} {{ 3 is in [3] }} {{ t is true }} {{ t is boolean }} {{ f is float }} {{ n is integer }} {{ 'a' is lower }} {{ 'A' is upper }}",
    "{{ s is not defined }} {{ missing is not defined and n }} {{ n is not odd }} {{ 'a' if missing is defined else 'b' }}",
    "{{ s|upper }} {{ s|lower }} {{ 'hello there-you (now)'|title }} {{ 'hELLO wORLD'|capitalize }} {{ '  x  '|trim }}| {{ 'xxaxx'|trim('x') }}",
    "{{ s|replace('World', 'You') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ words|join(', ') }} {{ users|join(',', attribute='name') }} {{ xs|join }}",
    "{{ s|length }} {{ xs|count }} {{ d|length }} {{ uni|length }} {{ missing|length }}",
    "{{ xs|first }} {{ xs|last }} {{ s|first }} {{ s|last }} {{ none_list|first }} {{ d|first }} {{ d|last }}",
    "{{ '42'|int + 1 }} {{ 'x'|int }} {{ 'x'|int(9) }} {{ '3.7'|int }} {{ 3.9|int }} {{ '2.5'|float }} {{ 'x'|float }} {{ n|float }} {{ none|int }} {{ t|int }}",
    "{{ n|string ~ 'x' }} {{ 'abc'|list }} {{ d|list }} {{ xs|sort }} {{ words|sort }} {{ words|sort(reverse=true) }} {{ words|sort(case_sensitive=true) }} {{ users|sort(attribute='uid')|map(attribute='name')|list }}",
    "{{ words|unique|list }} {{ words|unique(true)|list }} {{ xs|reverse|list }} {{ s|reverse }} {{ [1, 1.0, true, 2]|unique|list }}",
    "{{ lines|indent }}|{{ lines|indent(2, true) }}|{{ lines|indent(2, first=true, blank=true) }}|{{ lines|indent('> ') }}|",
    "{{ d|tojson }} {{ q|tojson }} {{ uni|tojson }} {{ none|tojson }} {{ xs|tojson }} {{ 1.0|tojson }} {{ t|tojson }} {{ nested|tojson }} {{ [] |tojson }} {{ {}|tojson }} {{ {1: 2, none: [true]}|tojson if no else '' }} {{ 'a\\tb\\\\'|tojson }}",
    "{{ d|dictsort }} {{ d|dictsort(by='value', reverse=true) }} {% for k, v in d|dictsort %}{{ k }}{{ v }}{% endfor %} {{ d|items|list }}",
    "{{ users|map(attribute='name')|join(',') }} {{ words|map('upper')|list }} {{ users|map(attribute='shell', default='-')|list }} {{ words|map('replace', 'p', 'b')|join }} {{ users|map(attribute='groups.0', default='x')|list }}",
    "{{ xs|select('odd')|list }} {{ xs|reject('odd')|list }} {{ mixed|select|list }} {{ users|selectattr('shell', 'defined')|map(attribute='name')|list }} {{ users|selectattr('uid', 'gt', 1000)|map(attribute='name')|first }} {{ users|rejectattr('name', 'equalto', 'ann')|list|length }} {{ xs|select('gt', 1)|list }} {{ words|select('in', ['fig'])|list }}",
    "{{ -3|abs }} {{ neg|abs }} {{ -2.5|abs }} {{ t|abs }}",
    "{{ xs|min }} {{ xs|max }} {{ words|min }} {{ words|max }} {{ none_list|max }}",
    "",
    "{{ s.upper() }} {{ s.lower() }} {{ s.capitalize() }} {{ ' a '.strip() }} {{ 'xax'.strip('x') }} {{ 'xax'.lstrip('x') }} {{ 'xax'.rstrip('x') }} {{ s.startswith('He') }} {{ s.endswith('x') }} {{ s.replace('l', 'L') }}",
    "{{ 'a,b,c'.split(',') }} {{ 'a b  c'.split() }} {{ 'a,b,c'.split(',', 1) }} {{ ','.join(words) }}",
    "{{ 'tab\\tnew\\nq\\'\\\"\\\\ \\d \\$' }} {{ \"it's\" }} {{ ['it\\'s', 'a\"b', 'both\\'\"', 'n\\n'] }}",
    "{{ 0 }} {{ 00 }} {{ 1000 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 1e16 }} {{ 1e15 }} {{ 0.1 }} {{ 1/3 }} {{ 100.0 }} {{ 1e100 }} {{ big * 1000 }}",
    "{{ none }} {{ None }} {{ True }} {{ true }} {{ false }} {{ [] }} {{ {} }} {{ () }} {{ (1,) }} {{ 1, 2 }} {{ [1,2,] }} {{ {'a': 1,} }}",
    "{{ { 'a': {'b': 1} } }} {{ {'a': {'b': 1}}['a'].b }} {{ {1: 2, 1.0: 3} }}",
    "{{ nested.x.y.z[1].w }} {{ nested['x']['y'].z.0 }} {{ pairs[0][1] }} {{ sys_info.uname[2] }} {{ sys_info.dist.0 }} {{ ds.network_json.networks[0].routes[0].gateway }}",
    "{% if missing %}a{% else %}b{% endif %} {% if missing is defined and missing.x %}a{% endif %}{% if not missing %}c{% endif %}",
    "{% if n > 5 %}big{% elif n > 3 %}mid{% endif %}",
    "{%- if t -%}\n x \n{%- endif -%}\n end\n",
    "a {{- ' b ' -}} c\n{{- n }}\n",
    "  {%+ if t %}x{% endif +%}\ny {% if t +%}\nz{% endif %}\n",
    "{#- c -#}  a  {#- c #}\nb {# c +#}\nc",
    "{%- raw -%}  {{ x }} {% endraw %}\n b {%raw%}\n{{{% endraw -%}  \n c",
    "line\r\nnext {% if t %}\r\nx\r\n{% endif %}\r\n",
    "no newline at end",
    "two newlines\n\n",
    "",
    "\n",
    "{{ '{{' }} {{ '}}' }} {{ '{%' }} { { } } {x} {",
    "{% for k, v in ds.meta_data.items() %}{{ k }} {% endfor %}",
    "{% for k, v in v1|dictsort %}{{ k }}={{ v }} {% endfor %}",
    "{{ v1 }}",
    "{% for u in users %}\n  - name: {{ u.name }}\n    {% if u.groups is defined %}groups: {{ u.groups|join(', ') }}{% endif %}\n    shell: {{ u.shell|default('/bin/bash') }}\n{% endfor %}\n",
    "{% for u in users if u.shell is not defined %}{{ u.name }}{% endfor %}",
    "{% set parts = v1.local_hostname.split('.') %}{{ parts|length }}{{ parts[-1] }}{{ parts[1] }}",
    "{{ (v1.local_hostname|replace('.', '-'))[0] }} {{ v1.local_hostname.split('-')[1].split('.')[0]|int + 100 }}",
    "write_files:\n- content: |\n    {{ lines | indent(4) }}\n  path: /x\n",
    "{{ loop }} {{ loop is defined }}",
    "{% for x in xs %}{{ loop.revindex0 }} {% endfor %}",
    "{% for x in xs %}{% set outer = loop %}{% for y in xs %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{{ missing|upper }} {{ missing ~ 'x' }} {{ missing|join }} {{ missing|list }} {{ [missing] }} {{ missing == missing2 }} {{ missing|string }}",
    "{{ uni }} {{ uni[0] }} {{ uni|list|length }} {{ uni|replace('ï', 'i') }} {{ [uni] }} é\n",
    "{{ (1 if t else 2) + 3 }} {{ [x for x in xs] }}",
    "{{ xs|length > 2 }} {{ 'ab'|length + 1 }} {{ not xs|length == 3 }} {{ -n|abs }} {{ s|lower|replace('h', 'j')|title }}",
    "{{ f }} {{ f * 2 }} {{ f + n }} {{ n / 2 }} {{ 10 / 5 }} {{ t + 1 }} {{ -f }} {{ +n }} {{ - 3 }} {{ 1 -1 }} {{ 1.0 // 0.3 }}",
    "{{ mixed }} {{ mixed|unique|list }} {{ 1 in mixed }} {{ none in mixed }} {{ '1' in mixed }}",
    "{% if v1.distro in ['centos', 'rhel', 'fedora'] %}yum{% else %}apt{% endif %}",
    "{% if 'sr0' in v1.subplatform and v1.platform == \"openstack\" %}drive{% endif %}",
    "{{ ds.meta_data.devices|selectattr('type', 'equalto', 'nic')|map(attribute='mac')|first }} {{ ds.meta_data.devices|map(attribute='tags')|map('length')|list }}",
    "{{ missing1 }}\n{{ missing2.x }}\n",
    "{{ n.x }} {{ s.x }} {{ s.0 }} {{ none.x }} {{ xs.x }} {{ t.x }} {{ f.x }}",
    "{% if %}{% endif %}",
    "{% if t %}",
    "{% endif %}",
    "{% for x xs %}{% endfor %}",
    "{{ x",
    "{{ 'abc }}",
    "{{ 1 + }}",
    "{{ }}",
    "{# open",
    "{% raw %} open",
    "{{ 1 + 'a' }}",
    "{{ 1 / 0 }}",
    "{{ xs() }}",
    "{{ s.nosuch() }}",
    "{{ s|nosuch }}",
    "{{ s is nosuch }}",
    "{% nosuch %}",
    "{{ missing + 1 }}",
    "{{ missing() }}",
    "{{ missing[0] }}",
    "{{ 1 < 'a' }}",
    "{% for x in n %}{% endfor %}",
    "{% for a, b in xs %}{% endfor %}",
    "{{ [1, 2 }}",
    "{{ (1 }}",
    "{{ a b }}",
    "{% set %}",
    "{% set x = %}",
    "{{ 012 }}",
    "{{ 1.e }}",
    "{{ a..b }}",
    "{{ a! }}",
];

/// One random template.
pub fn random(dice: &mut Dice) -> String {
    let mut text = String::new();
    body(dice, &mut text, 3);
    if dice.roll(12) == 0 {
        let mut bytes = text.into_bytes();
        dice.mutate(&mut bytes, PIECES);
        text = String::from_utf8_lossy(&bytes).into_owned();
    }
    text
}

const PIECES: &[&[u8]] = &[
    b"{{",
    b"}}",
    b"{%",
    b"%}",
    b"{#",
    b"#}",
    b"-",
    b"+",
    b"'",
    b"|",
    b" if ",
    b" else ",
    b"(",
    b")",
    b"[",
    b"]",
    b".",
    b",",
    b" is ",
    b" not ",
    b" in ",
    b"n",
    b"1",
    b"\n",
    b"endif",
    b"{% endif %}",
    b"{% else %}",
];
const NAMES: &[&str] = &[
    "n",
    "zero",
    "neg",
    "f",
    "t",
    "no",
    "nothing",
    "empty",
    "s",
    "q",
    "lines",
    "xs",
    "words",
    "mixed",
    "none_list",
    "d",
    "nested",
    "pairs",
    "users",
    "missing",
    "v1.platform",
    "local_hostname",
    "ds.meta_data.devices",
    "v1.region",
    "nested.x.y",
    "nested.x.y.z",
    "xs[0]",
    "d.a",
    "users[0].name",
    "loop.index",
    "x",
    "y",
    "k",
    "ds.meta_data.meta.tier_one",
    "v1.missing",
    "missing.deep",
    "uni",
    "sys_info.dist",
];
const LITERALS: &[&str] = &[
    "0", "1", "2", "10", "-1", "1.5", "0.25", "3.0", "'a'", "\"b c\"", "''", "'x-y'", "true", "false", "none", "[]",
    "[1, 2]", "{'a': 1}", "('p', 2)", "'l'", "'4'", "'3.5'", "{}", "()", "'\\n'", "'A\\tb'",
];
const BINARY: &[&str] =
    &["+", "-", "~", "/", "//", "==", "!=", "<", ">", "<=", ">=", "in", "not in", "and", "or", "and", "or", "~", "=="];
const FILTERS: &[&str] = &[
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "length",
    "count",
    "first",
    "last",
    "list",
    "string",
    "int",
    "float",
    "abs",
    "sort",
    "unique|list",
    "reverse|list",
    "join",
    "join(', ')",
    "join('-', 'name')",
    "default('x')",
    "d(1)",
    "default('', true)",
    "replace('a', 'b')",
    "replace('l', '', 1)",
    "indent",
    "indent(2, true)",
    "tojson",
    "dictsort",
    "min",
    "max",
    "map('upper')|list",
    "map('string')|join(',')",
    "map(attribute='name')|list",
    "select|list",
    "reject('none')|list",
    "select('string')|list",
    "selectattr('shell', 'defined')|list",
    "rejectattr('uid', 'lt', 1001)|list",
    "items|list",
    "int(7)",
    "sort(reverse=true)",
    "nosuch",
    "map(attribute='uid', default=0)|list",
    "sort(attribute='name')|list",
    "dictsort(true)",
    "dictsort(false, 'value')",
    "unique(attribute='name')|list",
];
const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "mapping",
    "sequence",
    "iterable",
    "odd",
    "even",
    "divisibleby 2",
    "divisibleby(3)",
    "true",
    "false",
    "boolean",
    "integer",
    "float",
    "lower",
    "upper",
    "eq 1",
    "ne('a')",
    "gt 1",
    "le(2)",
    "in [1, 'a']",
    "sameas none",
    "not defined",
    "not none",
    "not string",
    "nosuch",
    "equalto 'a'",
];
const METHODS: &[&str] = &[
    ".upper()",
    ".lower()",
    ".split()",
    ".split('-')",
    ".strip()",
    ".items()|list",
    ".keys()|list",
    ".values()|list",
    ".get('a')",
    ".get('zz', 0)",
    ".startswith('a')",
    ".endswith('d')",
    ".replace('l', 'L')",
    ".join(words)",
    ".capitalize()",
    ".rstrip('\\n')",
    ".nosuch()",
];
const TEXTS: &[&str] = &[
    " ", "\n", "\n\n", "  ", "a", "b c", "key: ", "- ", "\n  ", "{", "}", "%", "#", "é", "\t", "x\n", " y ", "\r\n",
    "''", "\\",
];

fn expression(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        let from = if dice.roll(3) == 0 { LITERALS } else { NAMES };
        return dice.pick(from).to_string();
    }
    let sub = |dice: &mut Dice| expression(dice, depth - 1);
    match dice.roll(16) {
        0 | 1 => format!("{} {} {}", sub(dice), dice.pick(BINARY), sub(dice)),
        2 => format!("({} {} {})", sub(dice), dice.pick(BINARY), sub(dice)),
        3 | 4 => format!("{}|{}", sub(dice), dice.pick(FILTERS)),
        5 => format!("{} | {}", sub(dice), dice.pick(FILTERS)),
        6 => format!("{} is {}", sub(dice), dice.pick(TESTS)),
        7 => format!("{} if {} else {}", sub(dice), sub(dice), sub(dice)),
        8 => match dice.roll(6) {
            0 => format!("not {}", sub(dice)),
            1 => format!("-{}", sub(dice)),
            2 => format!("({})|string * {}", sub(dice), dice.pick(&["0", "1", "2", "-1"])),
            3 => format!("{}|abs {} {}", sub(dice), dice.pick(&["*", "%"]), dice.pick(&["2", "0", "3", "-1", "1.5"])),
            4 => format!("({} if {})", sub(dice), sub(dice)),
            _ => format!("not({})", sub(dice)),
        },
        9 => format!("[{}, {}]", sub(dice), sub(dice)),
        10 => format!("{{{}: {}}}", dice.pick(&["'a'", "1", "'k'"]), sub(dice)),
        11 => format!("({})[{}]", sub(dice), dice.pick(&["0", "-1", "'a'", "5", "'name'"])),
        12 => format!("({}){}", sub(dice), dice.pick(METHODS)),
        13 => format!("({}).{}", sub(dice), dice.pick(&["a", "name", "x", "0", "y"])),
        14 => format!("{} < {} <= {}", sub(dice), sub(dice), sub(dice)),
        _ => sub(dice),
    }
}

fn open(dice: &mut Dice) -> &'static str {
    ["{% ", "{% ", "{%- ", "{%", "{%+ "][dice.roll(5)]
}

fn close(dice: &mut Dice) -> &'static str {
    [" %}", " %}", " -%}", "%}", " +%}"][dice.roll(5)]
}

fn tag(dice: &mut Dice, text: &mut String, inside: &str) {
    *text += open(dice);
    *text += inside;
    *text += close(dice);
}

fn body(dice: &mut Dice, text: &mut String, depth: usize) {
    for _ in 0..1 + dice.roll(3) {
        *text += dice.pick(TEXTS);
        if depth > 0 {
            statement(dice, text, depth - 1);
        }
        *text += dice.pick(TEXTS);
    }
}

fn statement(dice: &mut Dice, text: &mut String, depth: usize) {
    let size = dice.roll(3);
    let value = expression(dice, size);
    match dice.roll(12) {
        0 | 1 => {
            tag(dice, text, &format!("if {value}"));
            body(dice, text, depth);
            if dice.roll(3) == 0 {
                let other = expression(dice, 1);
                tag(dice, text, &format!("elif {other}"));
                body(dice, text, depth);
            }
            if dice.roll(2) == 0 {
                tag(dice, text, "else");
                body(dice, text, depth);
            }
            tag(dice, text, "endif");
        }
        2 | 3 => {
            let over = dice.pick(&[
                "xs",
                "words",
                "d",
                "range(3)",
                "users",
                "'ab'",
                "none_list",
                "missing",
                "[1, 2]",
                "mixed",
                value.as_str(),
            ]);
            let heading = match dice.roll(6) {
                0 => "for x, y in pairs".to_string(),
                1 => "for k, v in d.items()".to_string(),
                2 => "for x in xs if x > 1".to_string(),
                3 => "for k, v in d|dictsort".to_string(),
                _ => format!("for x in {over}"),
            };
            tag(dice, text, &heading);
            body(dice, text, depth);
            if dice.roll(3) == 0 {
                tag(dice, text, "else");
                body(dice, text, depth);
            }
            tag(dice, text, "endfor");
        }
        4 => {
            let name = dice.pick(&["x", "y", "k"]);
            tag(dice, text, &format!("set {name} = {value}"));
        }
        5 => *text += ["{# c #}", "{#- c -#}", "{# c -#}", "{#c +#}", "{#\n#}", "{##}"][dice.roll(6)],
        6 => {
            tag(dice, text, "raw");
            *text += dice.pick(TEXTS);
            *text += "{{ x }}{% if %}";
            tag(dice, text, "endraw");
        }
        _ => {
            *text += ["{{ ", "{{", "{{- ", "{{+ "][dice.roll(4)];
            *text += &value;
            *text += [" }}", "}}", " -}}"][dice.roll(3)];
        }
    }
}
