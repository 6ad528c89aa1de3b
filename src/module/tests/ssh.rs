use alloc::format;
use alloc::string::String;

use super::Bench;
use crate::host::memory::{Answer, Fault, FaultSpan, MemoryHost};
use crate::host::{Create, Files, Level};

const ROOT: &str = "/root/.ssh/authorized_keys";
const WEB: &str = "/home/web/.ssh/authorized_keys";
const KEYS: &str = "ssh_authorized_keys: [ssh-rsa AAA1 one, 'no-pty ssh-rsa AAA2 two']\n";
const OPEN: &str = "disable_root: false\n";
const DEFAULT_USER: &str = "system_info: {default_user: {name: web}}\n";

/// The modes and owners of all below a directory, without what is not the modules'.
fn below(bench: &Bench, dir: &str) -> alloc::vec::Vec<String> {
    bench.host.tree().into_iter().filter(|line| line.contains(dir)).collect()
}

#[test]
fn roots_keys() {
    let mut bench =
        Bench::new().metadata(r#"{"public_keys": {"a": "ssh-ed25519 AAA0 cloud\n", "b": "ssh-rsa AAA1 again"}}"#);
    bench.run("ssh", &format!("{OPEN}{KEYS}"));
    bench.no_faults();
    assert_eq!(bench.host.text(ROOT), "ssh-ed25519 AAA0 cloud\nssh-rsa AAA1 again\nno-pty ssh-rsa AAA2 two\n");
    assert_eq!(below(&bench, "/root"), ["0700 /root/", "0700 /root/.ssh/", "0600 /root/.ssh/authorized_keys"]);
    assert_eq!(bench.host.power_cut(0).text(ROOT), bench.host.text(ROOT));
    let before = bench.host.calls();
    bench.run("ssh", &format!("{OPEN}{KEYS}"));
    assert!(bench.host.calls() - before < 12, "keys that are there are not written again");
    bench.run("ssh", &format!("{OPEN}{KEYS}allow_public_ssh_keys: false\n"));
    assert!(bench.host.text(ROOT).contains("AAA0"));
}

#[test]
fn keys_of_the_metadata_can_be_left_out() {
    let mut bench = Bench::new().metadata(r#"{"public_keys": {"a": "ssh-ed25519 AAA0 cloud\n"}}"#);
    bench.run("ssh", &format!("{OPEN}allow_public_ssh_keys: false"));
    bench.no_faults();
    assert!(!bench.host.exists("/root/.ssh"));
}

#[test]
fn the_default_user_has_them_and_root_only_says_so() {
    for (users, has) in [
        ("", true),
        ("users: [default, other]\n", true),
        ("users: 'other, default'\n", true),
        ("users: [{name: default}]\n", true),
        ("users: {default: true}\n", true),
        ("users: [other]\n", false),
        ("users: []\n", false),
    ] {
        let mut bench = Bench::new();
        bench.run("ssh", &format!("{users}{DEFAULT_USER}{KEYS}"));
        bench.no_faults();
        assert_eq!(bench.host.exists(WEB), has, "{users}");
        let told = if has { "web" } else { "NONE" };
        let root = bench.host.text(ROOT);
        let line = root.lines().nth(1).unwrap();
        assert!(line.starts_with("no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\""), "{line}");
        assert!(line.contains(&format!("the user \\\"{told}\\\" rather than the user \\\"root\\\"")), "{line}");
        assert!(line.ends_with("exit 142\" ssh-rsa AAA2 two"), "{line}");
        if has {
            assert_eq!(bench.host.text(WEB), "ssh-rsa AAA1 one\nno-pty ssh-rsa AAA2 two\n");
            assert_eq!(
                below(&bench, "/home/"),
                ["0755 /home/", "0700 33:34 /home/web/", "0700 33:34 /home/web/.ssh/", &format!("0600 33:34 {WEB}")]
            );
        }
    }
}

#[test]
fn another_name_and_other_options() {
    let mut bench = Bench::new();
    bench.run("ssh", &format!("user: web\ndisable_root_opts: 'x=$USER,y=$DISABLE_USER'\n{KEYS}"));
    bench.no_faults();
    assert!(bench.host.exists(WEB));
    assert_eq!(bench.host.text(ROOT), "x=web,y=root ssh-rsa AAA1 one\nx=web,y=root ssh-rsa AAA2 two\n");
    let mut bench = Bench::new();
    bench.run("ssh", &format!("system_info: {{default_user: {{name: root}}}}\n{KEYS}"));
    bench.no_faults();
    assert_eq!(bench.host.text(ROOT), "ssh-rsa AAA1 one\nno-pty ssh-rsa AAA2 two\n");
}

#[test]
fn what_was_there_stays() {
    let mut bench = Bench::new();
    bench.host.put_dir("/home/web", 0o755);
    bench.host.put(WEB, 0o644, "# mine\nssh-rsa BBB me\nssh-rsa AAA1 old\n");
    bench.run("ssh", &format!("{OPEN}{DEFAULT_USER}{KEYS}"));
    bench.no_faults();
    assert_eq!(bench.host.text(WEB), "# mine\nssh-rsa BBB me\nssh-rsa AAA1 one\nno-pty ssh-rsa AAA2 two\n");
    assert_eq!((bench.host.mode(WEB), bench.host.owner(WEB), bench.host.mode("/home/web")), (0o600, (33, 34), 0o755));
}

#[test]
fn a_directory_others_may_write_to_is_closed() {
    let mut bench = Bench::new();
    bench.host.put_dir("/root/.ssh", 0o777);
    bench.run("ssh", &format!("{OPEN}{KEYS}"));
    assert_eq!(bench.host.mode("/root/.ssh"), 0o700);
}

#[test]
fn a_users_link_leads_nowhere_and_roots_is_followed() {
    for (link, dir) in [(WEB, false), ("/home/web/.ssh", true)] {
        let mut bench = Bench::new();
        bench.host.put("/etc/shadow", 0o600, "root:secret\n");
        bench.host.put_dir("/home/web", 0o700);
        if !dir {
            bench.host.put_dir("/home/web/.ssh", 0o700);
        }
        bench.host.put_link_of((33, 34), link, if dir { "/etc" } else { "/etc/shadow" });
        bench.run("ssh", &format!("{OPEN}{DEFAULT_USER}{KEYS}"));
        assert_eq!(bench.faults(), [format!("ERROR cannot write {link}: a symbolic link that root did not make")]);
        assert_eq!(bench.host.text("/etc/shadow"), "root:secret\n");
        assert!(!bench.host.exists("/etc/authorized_keys"));
        assert!(bench.host.exists(ROOT), "root has its keys");
    }
    let mut bench = Bench::new();
    bench.host.put("/var/keys", 0o600, "ssh-rsa BBB me\n");
    bench.host.put_dir("/home/web/.ssh", 0o700);
    bench.host.put_link(WEB, "/var/keys");
    bench.run("ssh", &format!("{OPEN}{DEFAULT_USER}{KEYS}"));
    bench.no_faults();
    assert!(bench.host.text("/var/keys").starts_with("ssh-rsa BBB me\nssh-rsa AAA1 one\n"));
}

/// A packaged cloud.cfg names a default user that an image need not have.
#[test]
fn root_is_not_disabled_where_nobody_else_could_log_in() {
    for users in ["", "users: [default]\n"] {
        let mut bench = Bench::new();
        bench.host.put(ROOT, 0o600, "command=\"exit 142\" ssh-rsa AAA1 old\n");
        bench.run(
            "ssh",
            &format!("disable_root: 1\n{users}system_info: {{distro: rhel, default_user: {{name: centos}}}}\n{KEYS}"),
        );
        let wanted = "WARNING disable_root was not done: the user `centos` does not exist, and nobody could log in";
        assert_eq!(bench.faults(), [wanted]);
        let root = bench.host.text(ROOT);
        assert!(root.starts_with("ssh-rsa AAA1 one\n"), "{root}");
        assert_eq!(root, "ssh-rsa AAA1 one\nno-pty ssh-rsa AAA2 two\n");
        // With the user, root's keys are closed, those that were open among them.
        bench.host.put("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\ncentos:x:7:8::/home/centos:/bin/sh\n");
        bench.run("ssh", &format!("{users}system_info: {{default_user: {{name: centos}}}}\n{KEYS}"));
        bench.no_faults();
        assert!(bench.host.exists("/home/centos/.ssh/authorized_keys"));
        assert!(bench.host.text(ROOT).lines().all(|line| line.starts_with("no-port-forwarding,")));
    }
}

#[test]
fn sshd_says_where() {
    let mut bench = Bench::new();
    bench.host.put("/etc/ssh/sshd_config", 0o600, "AuthorizedKeysFile /etc/ssh/keys/%u\n");
    bench.run("ssh", &format!("{OPEN}{DEFAULT_USER}{KEYS}"));
    bench.no_faults();
    assert_eq!(
        below(&bench, "/etc/ssh/keys"),
        ["0755 /etc/ssh/keys/", "0600 /etc/ssh/keys/root", "0600 33:34 /etc/ssh/keys/web"]
    );
}

#[test]
fn faults() {
    for (config, wanted) in [
        ("ssh_authorized_keys: [ssh_key_1]", "WARNING user-data:1:23: this is no SSH public key; it is left out"),
        (
            "ssh_authorized_keys: ['-----BEGIN PRIVATE KEY-----']",
            "WARNING user-data:1:24: this is no SSH public key; it is left out",
        ),
        ("ssh_authorized_keys: [[a]]", "ERROR cannot read user-data: line 1, column 23: expected an SSH public key"),
        (
            "{ssh_authorized_keys: [ssh-rsa AAA1], user: ghost, disable_root: false}",
            "ERROR cannot give keys to the user `ghost`: not in /etc/passwd",
        ),
    ] {
        let mut bench = Bench::new();
        bench.run("ssh", config);
        assert_eq!(bench.faults(), [wanted], "{config}");
        assert_eq!(bench.host.exists(ROOT), config.contains("ghost"));
    }
    let mut bench = Bench::new().metadata(r#"{"public_keys": ["ssh-rsa AAA1", "PRIVATE"]}"#);
    bench.run("ssh", OPEN);
    assert_eq!(bench.faults(), ["WARNING key 2 of the metadata is no SSH public key; it is left out"]);
    assert_eq!(bench.host.text(ROOT), "ssh-rsa AAA1\n");
}

/// A machine with sshd, keys of its image and an ssh-keygen that can do these types.
fn with_keygen(types: &'static [&'static str]) -> Bench {
    let mut bench = Bench::new();
    bench.host.put("/usr/bin/ssh-keygen", 0o755, "\x7fELF");
    for (name, mode) in [("rsa_key", 0o600), ("rsa_key.pub", 0o644), ("dsa_key", 0o600), ("dsa_key-cert.pub", 0o644)] {
        bench.host.put(&format!("/etc/ssh/ssh_host_{name}"), mode, "image's");
    }
    bench.host.put("/etc/ssh/moduli", 0o644, "");
    bench.host.on_run(move |ran, files| {
        let at = |flag: &str| ran.argv.iter().position(|word| word == flag).map(|at| ran.argv[at + 1].as_str());
        let Some(kind) = at("-t") else { return Some(Answer::code(0).saying("ssh-rsa AAAPUB\n")) };
        if !types.contains(&kind) {
            return Some(Answer::code(1).saying(format!("unknown key type {kind}\n")));
        }
        let path = at("-f").unwrap();
        for (name, mode) in [(String::from(path), 0o600), (format!("{path}.pub"), 0o644)] {
            let file = files.begin(&name, &Create::mode(mode)).unwrap();
            files.put(file, format!("new {kind}").as_bytes()).unwrap();
            files.commit(file).unwrap();
        }
        Some(Answer::code(0))
    });
    bench
}

#[test]
fn new_host_keys_take_the_place_of_the_images() {
    let mut bench = with_keygen(&["rsa", "ecdsa"]);
    bench.run("ssh", "");
    bench.no_faults();
    assert_eq!(
        below(&bench, "/etc/ssh/"),
        [
            "0755 /etc/ssh/",
            "0644 /etc/ssh/moduli",
            "0600 /etc/ssh/ssh_host_ecdsa_key",
            "0644 /etc/ssh/ssh_host_ecdsa_key.pub",
            "0600 /etc/ssh/ssh_host_rsa_key",
            "0644 /etc/ssh/ssh_host_rsa_key.pub",
        ]
    );
    assert_eq!(bench.host.text("/etc/ssh/ssh_host_rsa_key"), "new rsa");
    assert!(bench.logged(Level::Info, "makes no keys of type ed25519"));
    assert!(!bench.host.exists(crate::paths::SSH_KEYGEN_DIR));
    assert_eq!(bench.host.power_cut(0).text("/etc/ssh/ssh_host_rsa_key"), "new rsa");
}

#[test]
fn red_hats_group_may_use_them() {
    let mut bench = with_keygen(&["rsa"]);
    bench.host.put("/etc/group", 0o644, "root:x:0:\nssh_keys:x:998:\n");
    bench.run("ssh", "ssh_genkeytypes: [rsa]");
    bench.no_faults();
    assert_eq!(
        (bench.host.mode("/etc/ssh/ssh_host_rsa_key"), bench.host.owner("/etc/ssh/ssh_host_rsa_key")),
        (0o640, (0, 998))
    );
}

#[test]
fn keys_are_kept_where_they_should_be() {
    for (types, config, error) in [
        (&["rsa"][..], "ssh_deletekeys: false\nssh_genkeytypes: [rsa]", false),
        (&[], "ssh_genkeytypes: [rsa]", false),
        (&["rsa"], "ssh_genkeytypes: [rsa]", true),
    ] {
        let mut bench = with_keygen(types);
        if error {
            bench.host.on_run(|_, _| Some(Answer::code(255).saying("no entropy\n")));
        }
        bench.run("ssh", config);
        let draft = "/run/cloud-init/ssh-keygen/ssh_host_rsa_key";
        let wanted =
            format!("ERROR cannot run /usr/bin/ssh-keygen -q -t rsa -N  -f {draft}: exit status 255: no entropy");
        assert_eq!(bench.faults(), if error { alloc::vec![wanted] } else { alloc::vec![] }, "{config}");
        assert_eq!(bench.host.text("/etc/ssh/ssh_host_rsa_key"), "image's", "{config}");
        assert!(bench.host.exists("/etc/ssh/ssh_host_dsa_key"), "{config}");
    }
    let mut bench = Bench::new();
    bench.host.put("/etc/ssh/ssh_host_rsa_key", 0o600, "image's");
    bench.run("ssh", "");
    bench.no_faults();
    assert_eq!(bench.host.text("/etc/ssh/ssh_host_rsa_key"), "image's");
    assert!(bench.logged(Level::Debug, "no ssh-keygen"));
}

#[test]
fn host_keys_given_are_installed() {
    let mut bench = with_keygen(&[]);
    bench.host.put("/etc/ssh/sshd_config", 0o600, "Port 22\n");
    bench.run(
        "ssh",
        "ssh_keys:\n  rsa_private: |\n    PRIVATE\n  ecdsa_private: P2\n  ecdsa_public: ssh-ecdsa AAA\n  ecdsa_certificate: cert\n  ed25519-sk_private: x\n",
    );
    assert_eq!(
        bench.faults(),
        ["WARNING user-data:7:3: the key `ed25519-sk_private` of ssh_keys is not known and does nothing"]
    );
    assert_eq!(
        below(&bench, "/etc/ssh/ssh"),
        [
            "0600 /etc/ssh/ssh_host_ecdsa_key",
            "0644 /etc/ssh/ssh_host_ecdsa_key-cert.pub",
            "0644 /etc/ssh/ssh_host_ecdsa_key.pub",
            "0600 /etc/ssh/ssh_host_rsa_key",
            "0644 /etc/ssh/ssh_host_rsa_key.pub",
            "0600 /etc/ssh/sshd_config",
        ]
    );
    assert_eq!(bench.host.text("/etc/ssh/ssh_host_rsa_key"), "PRIVATE\n");
    assert_eq!(bench.host.text("/etc/ssh/ssh_host_ecdsa_key"), "P2\n");
    assert_eq!(bench.host.text("/etc/ssh/ssh_host_rsa_key.pub"), "ssh-rsa AAAPUB\n");
    let config = "Port 22\nHostCertificate /etc/ssh/ssh_host_ecdsa_key-cert.pub\n";
    assert_eq!(bench.host.text("/etc/ssh/sshd_config"), config);
    assert!(!bench.logged(Level::Error, "PRIVATE"));
}

#[test]
fn no_fault_and_no_power_cut_leaves_a_machine_without_keys() {
    let config = "ssh_genkeytypes: [rsa]\ndisable_root: false\nssh_authorized_keys: [ssh-rsa AAA1]\n";
    let machine = || {
        let mut bench = with_keygen(&["rsa"]);
        bench.host.put(ROOT, 0o600, "ssh-rsa BBB me\n");
        bench
    };
    let whole = |host: &MemoryHost, at: &str| {
        let key = host.text("/etc/ssh/ssh_host_rsa_key");
        assert!(key == "image's" || key == "new rsa", "{at}: {key:?}");
        let people = host.text(ROOT);
        assert!(people == "ssh-rsa BBB me\n" || people == "ssh-rsa BBB me\nssh-rsa AAA1\n", "{at}: {people:?}");
    };
    let mut good = machine();
    good.run("ssh", config);
    good.no_faults();
    for call in 1..=good.host.calls() {
        for fault in [Fault::Io, Fault::NoSpace, Fault::ReadOnly] {
            let mut bench = machine();
            bench.host.fail_at(call, fault, FaultSpan::FromHere);
            bench.run("ssh", config);
            whole(&bench.host, &format!("{fault:?} from call {call}"));
        }
        for seed in 0..8 {
            let mut bench = machine();
            bench.host.fail_at(call, Fault::PowerCut, FaultSpan::FromHere);
            bench.run("ssh", config);
            whole(&bench.host.power_cut(seed), &format!("power cut at call {call}, seed {seed}"));
        }
    }
}
