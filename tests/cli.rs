//! The command line as a new user meets it: what is printed where, and the exit status.
//!
//! The release binary in a machine of its own: with a word too few or too many a command runs, and it must not be this
//! machine that it configures. Root is needed.

mod machine;

use std::os::unix::fs::symlink;

use machine::{Machine, Ran, with_machine};

const COMMANDS: &[&str] = &["init", "modules", "single", "query", "plan", "net", "devel"];

/// Help is read on a console of the usual width, with some room.
const MAX_COLUMNS: usize = 100;

/// What standard output and error got, with the exit status.
fn said(ran: &Ran) -> (i32, &str, &str) {
    (ran.code, &ran.stdout, &ran.stderr)
}

/// Runs `body` in a machine, and nothing may have been done to that in the end.
fn untouched(name: &str, body: impl FnOnce(&Machine) + Send) {
    with_machine(&format!("cli-{name}"), |machine| {
        let before = machine.tree();
        body(machine);
        let changes = machine::differences(&before, &machine.tree());
        assert!(changes.is_empty(), "something was done:\n{}", changes.join("\n"));
    });
}

#[test]
fn help_is_printed_and_fits_a_console() {
    untouched("help", |machine| {
        let mut texts = vec![machine.wisp(&["--help"]), machine.wisp(&["-h"])];
        assert_eq!(texts[0].stdout, texts[1].stdout);
        for command in COMMANDS {
            assert!(texts[0].stdout.contains(&format!("wisp {command}")), "{command} is not in\n{}", texts[0].stdout);
            let help = machine.wisp(&[command, "--help"]);
            assert!(help.stdout.starts_with(&format!("wisp {command}")), "{}", help.stdout);
            assert_eq!(help.stdout, machine.wisp(&[command, "-h"]).stdout);
            texts.push(help);
        }
        for text in &texts {
            assert_eq!((text.code, text.stderr.as_str()), (0, ""));
            assert!(text.stdout.ends_with('\n') && !text.stdout.contains('\t'));
            for line in text.stdout.lines() {
                assert!(line.chars().count() <= MAX_COLUMNS, "{} columns: {line}", line.chars().count());
                assert_eq!(line, line.trim_end(), "spaces at the end");
            }
        }
    });
}

#[test]
fn every_option_in_a_help_text_is_taken() {
    untouched("options", |machine| {
        let common = machine.wisp(&["--help"]).stdout;
        for command in COMMANDS {
            let help = machine.wisp(&[command, "--help"]).stdout;
            let words = help.split_whitespace().chain(options_of_all(&common));
            let words = words.map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-'));
            let options: Vec<_> = words.filter(|word| word.len() > 1 && word.starts_with('-')).collect();
            assert!(options.len() >= 10, "{options:?}");
            for option in options {
                // Help comes before anything runs. What takes a value says that it has none.
                let ran = machine.wisp(&[command, option, "--help"]);
                let fine = ran.code == 0 && ran.stderr.is_empty() || ran.stderr.contains("missing argument");
                assert!(fine, "{command} {option}: {}", ran.said());
            }
        }
    });
}

/// The words of the lines about options that every command takes.
fn options_of_all(help: &str) -> impl Iterator<Item = &str> {
    let (_, rest) = help.split_once("Options of every command:\n").expect("the paragraph of common options");
    rest.split("\n\n").next().unwrap_or_default().split_whitespace()
}

#[test]
fn the_version_is_one_line() {
    untouched("version", |machine| {
        for arguments in [&["--version"][..], &["-v"]] {
            let ran = machine.wisp(arguments);
            assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout.lines().count()), (0, "", 1));
            let wanted = format!("wisp {} (build {}-", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_VERSION"));
            assert!(ran.stdout.starts_with(&wanted), "{}", ran.stdout);
        }
    });
}

#[test]
fn unusable_arguments_are_named_on_standard_error() {
    let cases = [
        (&[][..], 1, "no command given; see `wisp --help`"),
        (&["--debug"], 1, "no command given; see `wisp --help`"),
        (&["-d", "--force", "-f", "x"], 1, "no command given; see `wisp --help`"),
        (&["query"], 1, "`query` needs -n NAME; see `wisp query --help`"),
        (&["frobnicate"], 2, "no command `frobnicate`; there are: init, modules, single, query, plan, net, devel"),
        (&[""], 2, "no command ``; there are: init, modules, single, query, plan, net, devel"),
        (&["--bogus"], 2, "invalid option '--bogus'; see `wisp --help`"),
        (&["-x", "init"], 2, "invalid option '-x'; see `wisp --help`"),
        (&["init", "--bogus"], 2, "invalid option '--bogus'; see `wisp --help`"),
        (&["init", "extra"], 2, "`init` takes no argument `extra`; see `wisp init --help`"),
        (&["init", "--mode", "final"], 2, "`init` has no option --mode; see `wisp init --help`"),
        (&["init", "--local=yes"], 2, "unexpected argument for option '--local': \"yes\""),
        (&["modules", "--mode"], 2, "missing argument for option '--mode'"),
        (&["modules", "--mode", "last"], 2, "--mode takes init, config or final, not `last`"),
        (&["single"], 2, "`single` needs --name MODULE"),
        (
            &["single", "-n", "ssh", "--frequency", "daily"],
            2,
            "--frequency takes always, instance or once, not `daily`",
        ),
        (&["init", "-f", "--debug"], 2, "missing argument for option '-f'"),
        (&["query", "-n"], 2, "missing argument for option '-n'"),
        (&["plan", "extra"], 2, "`plan` takes no argument `extra`; see `wisp plan --help`"),
        (&["--root", "/no/such/root", "init"], 1, "cannot enter /no/such/root: no such file or directory"),
        (&["--root", "/dev/null", "query", "-n", "data"], 1, "cannot enter /dev/null: not a directory"),
    ];
    untouched("unusable", |machine| {
        for (arguments, code, wanted) in cases {
            let ran = machine.wisp(arguments);
            assert_eq!(said(&ran), (code, "", format!("wisp: {wanted}\n").as_str()), "{arguments:?}");
        }
    });
}

#[test]
fn an_argument_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    untouched("bytes", |machine| {
        let mut command = machine.command("/usr/bin/wisp", &[]);
        command.arg(std::ffi::OsStr::from_bytes(b"in\xffit"));
        let ran = machine::ended(command.output().unwrap());
        assert_eq!(said(&ran), (2, "", "wisp: argument is invalid unicode: \"in\\xFFit\"\n"));
    });
}

/// Installed under the name cloud-init, as a link.
#[test]
fn the_name_it_is_called_by_is_the_name_it_uses() {
    with_machine("cli-names", |machine| {
        let run = |arguments: &[&str]| machine.run("/usr/bin/cloud-init", arguments);
        let version = run(&["--version"]);
        let wanted = format!("cloud-init {} (build ", env!("CARGO_PKG_VERSION"));
        assert!(version.code == 0 && version.stdout.starts_with(&wanted), "{version:?}");
        for (arguments, code, wanted) in [
            (&[][..], 1, "cloud-init: no command given; see `cloud-init --help`\n"),
            (&["--bogus"], 2, "cloud-init: invalid option '--bogus'; see `cloud-init --help`\n"),
            (&["query"], 1, "cloud-init: `query` needs -n NAME; see `cloud-init query --help`\n"),
        ] {
            assert_eq!(said(&run(arguments)), (code, "", wanted), "{arguments:?}");
        }
        assert_eq!(run(&["init", "--help"]).code, 0);
        // Another name altogether.
        symlink("wisp", machine.root.join("usr/bin/other")).unwrap();
        assert!(machine.run("/usr/bin/other", &["--version"]).stdout.starts_with("wisp "));
    });
}

/// A reader that goes away, as `head` does.
#[test]
fn help_into_a_closed_pipe_is_no_crash() {
    untouched("pipe", |machine| {
        let ran = machine.run("/bin/sh", &["-c", "wisp --help | true"]);
        assert_eq!(said(&ran), (0, "", ""));
    });
}

/// Before anything was configured.
#[test]
fn queries_of_a_bare_machine_say_what_to_do() {
    untouched("bare", |machine| {
        for name in ["data", "data_raw", "instance_id", "hostname"] {
            let ran = machine.wisp(&["query", "-n", name]);
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.said());
            assert!(ran.stderr.contains("init"), "{}", ran.stderr);
        }
    });
}

/// What cannot be read is said with its place, and every misuse with the words that there are.
#[test]
fn queries_of_an_instance_print_what_it_has() {
    with_machine("cli-query", |machine| {
        machine::seed::write(machine, machine::seed::DIR, machine::seed::ID, "#cloud-config\n{}\n");
        assert_eq!(machine.wisp(&["init", "--local"]).code, 0);
        let id = machine.wisp(&["query", "-n", "instance_id"]);
        assert_eq!(said(&id), (0, &*format!("{}\n", machine::seed::ID), ""));
        assert_eq!(machine.wisp(&["query", "-n", "no_such"]).code, 1);
    });
}

#[test]
fn devel_parse_prints_a_document_or_says_why_not() {
    with_machine("cli-devel", |machine| {
        let file = |name: &str| machine.root.join(name);
        std::fs::write(file("a.yaml"), "a: [0x1F,\n  yes]\n").unwrap();
        std::fs::write(file("b.yaml"), "a: 1\nb: [\n").unwrap();
        std::fs::write(file("parts"), "#cloud-config-archive\n- '#cloud-config\n\n  a: ['\n- 'b: 1'\n").unwrap();
        std::fs::write(file("interfaces"), "auto x\nsource none\n").unwrap();
        std::fs::File::create(file("large")).unwrap().set_len((16 << 20) + 1).unwrap();
        let shell = |line: &str| machine.run("/bin/sh", &["-c", line]);
        for (line, wanted) in [
            ("cd /; wisp devel parse yaml a.yaml", (0, "{\n \"a\": [\n  31,\n  true\n ]\n}\n", "")),
            ("echo '[1]' | wisp devel parse json -", (0, "[\n 1\n]\n", "")),
            ("wisp devel parse yaml /b.yaml", (1, "", "/b.yaml:3:1: expected a value, not the end of the document\n")),
            ("echo '[1' | wisp devel parse json -", (1, "", "-:2:1: expected `,` or `]`\n")),
            (
                "cd /; wisp devel parse eni interfaces",
                (
                    0,
                    "{\n \"x\": {\n  \"_source_path\": \"/interfaces\",\n  \"auto\": true\n }\n}\n",
                    "warning: /interfaces:2:8: no file /none\n",
                ),
            ),
            // What can be read is printed, and what cannot is told.
            (
                "out=$(wisp devel parse user-data /parts); echo \"$? ${out#*'cloud_config\": '}\"",
                (
                    0,
                    "1 {\n  \"b\": 1\n }\n}\n",
                    "/parts: user-data part 1 (part-001):2:5: expected a value, not the end of the document\n",
                ),
            ),
            ("wisp devel parse json /none", (1, "", "wisp: cannot read /none: no such file or directory\n")),
            ("wisp devel parse json /large", (1, "", "wisp: cannot read /large: more than 16777216 bytes\n")),
            ("cat /large | wisp devel parse json -", (1, "", "wisp: cannot read -: more than 16777216 bytes\n")),
            (
                "wisp devel parse xml /a.yaml",
                (2, "", "wisp: `devel parse` takes KIND FILE; kinds: yaml, json, mime, eni, cmdline, user-data\n"),
            ),
        ] {
            assert_eq!(said(&shell(line)), wanted, "{line}");
        }
    });
}

/// A config of one dialect becomes the files of another; what is wrong in it is said with its place, and costs only itself.
#[test]
fn devel_net_convert_writes_files_or_says_why_not() {
    with_machine("cli-net-convert", |machine| {
        let file = |name: &str| machine.root.join(name);
        let v2 = "network:\n  version: 2\n  ethernets:\n    eth0: {dhcp4: true, wakeonlan: no}\n    eth1: {addresses: [10.0.0.300/24]}\n";
        std::fs::write(file("v2.yaml"), v2).unwrap();
        std::fs::write(file("broken.yaml"), "network:\n  version: [2\n").unwrap();
        std::fs::write(file("off.yaml"), "network: {config: disabled}\n").unwrap();
        let data = r#"{"links": [{"id": "a", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"}], "networks": [{"id": "n", "link": "a", "type": "ipv4_dhcp"}]}"#;
        std::fs::write(file("network_data.json"), data).unwrap();
        std::fs::write(file("interfaces"), "auto eth0\niface eth0 inet dhcp\n").unwrap();
        std::fs::write(file("interfaces.broken"), "auto eth0\n  hwaddress x\n").unwrap();
        let run = |from: &str, to: &str, more: &str| {
            let line = format!("cd /; wisp devel net-convert -p {from} -d out/ -D debian -O {to} {more}");
            let ran = machine.run("/bin/sh", &["-c", &line]);
            (ran.code, ran.stdout, ran.stderr)
        };
        let text = |path: &str| {
            std::fs::read_to_string(file("out").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        let done = |kind: &str, from: &str, to: &str| {
            format!("Read input format '{kind}' from '{from}'.\nWrote output format '{to}' to '/out'\n")
        };

        // The whole v2 document is netplan's to judge; the other renderers have what can be understood.
        let wrong = "v2.yaml:5:24: expected an IP address\n";
        let (code, stdout, stderr) = run("v2.yaml", "netplan", "-k yaml");
        assert_eq!((code, &*stdout, stderr), (1, "", done("yaml", "v2.yaml", "netplan") + wrong));
        assert!(
            text("etc/netplan/50-cloud-init.yaml").ends_with("    eth1:\n      addresses:\n      - 10.0.0.300/24\n")
        );
        let (code, _, stderr) = run("v2.yaml", "networkd", "--kind=yaml --debug");
        assert_eq!(code, 1);
        let understood = "{\n \"network\": {\n  \"version\": 2,\n  \"ethernets\": {\n   \"eth0\": {\n    \"wakeonlan\": false,\n    \"dhcp4\": true\n   },";
        assert!(stderr.contains(understood), "{stderr}");
        assert!(
            text("etc/systemd/network/10-cloud-init-eth0.network")
                .ends_with("[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n")
        );

        let (code, _, stderr) = run("network_data.json", "sysconfig", "-k network_data.json -m eth7,52:54:00:00:00:01");
        assert_eq!((code, stderr), (0, done("network_data.json", "network_data.json", "sysconfig")));
        assert!(text("etc/sysconfig/network-scripts/ifcfg-eth7").contains("\nHWADDR=52:54:00:00:00:01\n"));
        let (code, _, stderr) = run("interfaces", "network-manager", "-k eni");
        assert_eq!((code, stderr), (0, done("eni", "interfaces", "network-manager")));
        let profile = text("etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection");
        assert!(profile.contains("\nuuid=1dd9a779-d327-56e1-8454-c65e2556c12c\n"), "{profile}");

        for (from, more, wanted) in [
            ("none", "-k eni", (1, "wisp: cannot read none: no such file or directory\n".to_string())),
            (
                "v2.yaml",
                "-k v2",
                (2, "wisp: --kind takes eni, yaml, network_data.json, cmdline, klibc, ifcfg, not `v2`\n".into()),
            ),
            ("v2.yaml", "", (2, "wisp: `devel net-convert` needs --kind\n".into())),
            (
                "v2.yaml",
                "-k yaml -D windows",
                (2, format!("wisp: --distro takes {}, not `windows`\n", wisp::devel::net_convert::DISTROS.join(", "))),
            ),
            ("v2.yaml", "-k yaml -m eth0", (2, "wisp: --mac takes NAME,MAC, not `eth0`\n".into())),
            (
                "v2.yaml",
                "-k json",
                (2, "wisp: --kind takes eni, yaml, network_data.json, cmdline, klibc, ifcfg, not `json`\n".into()),
            ),
            (
                "v2.yaml",
                "-k network_data.json",
                (1, "v2.yaml:1:1: expected a value: object, array, string, number, true, false or null\n".into()),
            ),
            ("broken.yaml", "-k yaml", (1, "broken.yaml:3:1: expected `,` or `]`\n".into())),
            ("off.yaml", "-k yaml", (1, "off.yaml: no network config is in it\n".into())),
            (
                "interfaces.broken",
                "-k eni",
                (1, "interfaces.broken:2:3: expected a stanza (`iface`, `auto`, …) before an option\n".into()),
            ),
        ] {
            let (code, stdout, stderr) = run(from, "eni", more);
            assert_eq!((code, stderr, &*stdout), (wanted.0, wanted.1, ""), "{from} {more}");
        }
        // Part of a config, and a NIC that nobody knows.
        let (code, _, stderr) = run("network_data.json", "eni", "-k network_data.json -m eth7,52:54:00:00:00:02");
        let unknown = "network_data.json:1:12: expected a NIC whose name is known; that of the one with the MAC address 52:54:00:00:00:01 is not\n";
        assert_eq!((code, stderr), (1, done("network_data.json", "network_data.json", "eni") + unknown));
    });
}
