//! Interfaces files as `wisp devel parse eni` prints them, and as cloud-init's `parse_deb_config` reads them (Debian's package;
//! `tests/oracle/eni.py` compares, and says what is excused).

mod python;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use python::{Dice, cases, judge};
use wisp::devel::{self, Input, KINDS};
use wisp::host::Host;
use wisp::host::memory::MemoryHost;

/// What is printed, or `!LINE what was expected`.
fn ours(host: &mut MemoryHost, text: &[u8]) -> Vec<u8> {
    let kind = KINDS.iter().find(|kind| kind.name == "eni").unwrap();
    match devel::parse(kind, &Input { name: "x", path: "/etc/x", text }, host.files()) {
        Ok((document, _)) => document,
        Err(error) => {
            let (place, expected) = error.split_once(": expected ").unwrap_or_else(|| panic!("no place in: {error}"));
            let line = place.strip_prefix("x:").and_then(|place| place.split(':').next()).unwrap();
            format!("!{line} {expected}").into_bytes()
        }
    }
}

struct Generator {
    dice: Dice,
    /// Odd things are written too.
    odd: bool,
    out: String,
}

const NAMES: &[&str] =
    &["lo", "eth0", "eth1", "ens3", "br0", "bond0", "eth0:1", "eth0.100", "wlan0", "enp0s31f6", "vlan7"];
const WORDS: &[&str] =
    &["10.0.0.1", "10.0.0.1/24", "fe80::1/64", "255.255.255.0", "1500", "example.com", "x", "on", "802.3ad"];
const OPTIONS: &[&str] = &[
    "address",
    "netmask",
    "broadcast",
    "gateway",
    "metric",
    "mtu",
    "hostname",
    "hwaddress",
    "dns-search",
    "dns-nameservers",
    "pre-up",
    "up",
    "post-up",
    "down",
    "pre-down",
    "post-down",
    "bridge_ports",
    "bridge_stp",
    "bridge_fd",
    "bond-mode",
    "bond-slaves",
];
const ODD_OPTIONS: &[&str] = &[
    "pointopoint",
    "dns-nameserver",
    "dns-domain",
    "bridge_hw",
    "bridge_pathcost",
    "bridge_portprio",
    "bridge_waitport",
    "bridge-ports",
    "wpa-ssid",
    "use",
    "requires",
    "vlan-raw-device",
    "family",
    "scope",
    "template-x",
    "accept_ra",
    "autox",
];

impl Generator {
    fn chance(&mut self, of: usize) -> bool {
        self.odd && self.dice.roll(of) == 0
    }

    fn blank(&mut self) -> &'static str {
        if self.chance(8) { self.dice.pick(&["  ", "\t", " \t ", " \\\n ", "\\\n  ", " \\\r\n\t"]) } else { " " }
    }

    fn line(&mut self, words: &[&str]) {
        let indent = self.dice.pick(&["", "    ", "\t", "  "]);
        self.out.push_str(indent);
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                let blank = self.blank();
                self.out.push_str(blank);
            }
            self.out.push_str(word);
        }
        let end = if self.chance(12) { self.dice.pick(&["\r\n", " \n", "\t\n", " \\\n\n", "\n\n"]) } else { "\n" };
        self.out.push_str(end);
        if self.dice.roll(8) == 0 {
            let comment =
                self.dice.pick(&["# a comment\n", "\n", "  # iface eth9 inet dhcp\n", "# ends so \\\n", "#\n"]);
            self.out.push_str(comment);
        }
    }

    fn option(&mut self) {
        let name = if self.chance(5) { self.dice.pick(ODD_OPTIONS) } else { self.dice.pick(OPTIONS) };
        let mut words = vec![name];
        let commands = ["ip route add default via 10.0.0.254", "echo a  b # c", "test -e \"/x y\" && true", "true"];
        match name {
            "pre-up" | "up" | "post-up" | "down" | "pre-down" | "post-down" => words.push(self.dice.pick(&commands)),
            "hwaddress" if self.dice.roll(2) == 0 => words.extend(["ether", "00:11:22:33:44:55"]),
            "bridge_hw" if self.dice.roll(2) == 0 => words.extend(["MAC", "00:11:22:33:44:55"]),
            "bridge_pathcost" | "bridge_portprio" => words.extend([self.dice.pick(NAMES), "50"]),
            "dns-search" | "dns-nameservers" | "bridge_ports" => {
                (0..=self.dice.roll(3)).for_each(|_| words.push(self.dice.pick(WORDS)));
            }
            _ => {
                words.push(self.dice.pick(WORDS));
                if self.chance(10) {
                    words.push(self.dice.pick(WORDS));
                }
            }
        }
        if self.chance(60) {
            words.truncate(1);
        }
        self.line(&words);
    }

    fn iface(&mut self, name: &str) {
        let mut words = vec!["iface", name, self.dice.pick(&["inet", "inet6"])];
        words.push(self.dice.pick(&["static", "dhcp", "manual", "auto", "loopback"]));
        if self.chance(12) {
            words.truncate(2 + self.dice.roll(3));
            words.extend(["inherits", self.dice.pick(NAMES)]);
        } else if self.chance(15) {
            words.truncate(1 + self.dice.roll(3));
        } else if self.chance(25) {
            words.push("word");
        }
        if self.chance(15) {
            words[0] = "template";
        }
        self.line(&words);
        for _ in 0..self.dice.roll(7) {
            self.option();
        }
        if self.chance(20) {
            self.line(&["auto"]);
        }
    }

    fn file(&mut self) {
        let mut names = NAMES.to_vec();
        for _ in 0..self.dice.roll(6) {
            if self.dice.roll(2) == 0 {
                let mut words = vec!["auto"];
                (0..=self.dice.roll(3)).for_each(|_| words.push(self.dice.pick(NAMES)));
                self.line(&words);
            }
            if self.chance(4) {
                let name = self.dice.pick(NAMES);
                let word =
                    self.dice.pick(&["allow-hotplug", "allow-auto", "no-auto-down", "no-scripts", "source", "rename"]);
                self.line(&[word, name]);
            }
            if self.chance(12) {
                let patterns = ["mapping", self.dice.pick(&["eth*", "eth0 eth1", ""])];
                self.line(&patterns);
                self.line(&["script", "/usr/local/sbin/map-scheme"]);
                (0..self.dice.roll(3)).for_each(|_| self.line(&["map", "HOME eth0-home"]));
            }
            let at = self.dice.roll(names.len());
            let name = if self.chance(4) { self.dice.pick(NAMES) } else { names.remove(at) };
            self.iface(name);
        }
    }
}

const VOCABULARY: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\\\n",
    b"\\",
    b"#",
    b"\n#",
    b"\nauto ",
    b"\niface ",
    b"\niface x inet dhcp\n",
    b" inherits ",
    b"\nmapping m\n",
    b"\nscript s\n",
    b"map ",
    b"\n up",
    b"\nsource",
    b"\nallow-",
    b"template ",
    b" inet",
    b"auto",
    b"\xC3\xA9",
    b"\xC3",
    b"dns-",
    b"bridge_",
    b"bond-",
    b"address ",
    b"\n\n",
];

#[test]
fn reads_what_cloud_init_reads() {
    let fetch = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/fetch-cloud-init");
    let fetched = Command::new(fetch).stderr(Stdio::inherit()).output().unwrap();
    assert!(fetched.status.success(), "the judge is not there: tests/oracle/fetch-cloud-init failed (see above)");
    let modules = String::from_utf8(fetched.stdout).unwrap();
    let script = format!("MODULES = {:?}\n{}", modules.trim(), include_str!("oracle/eni.py"));
    let mut host = MemoryHost::new();
    let mut pairs = Vec::new();
    for number in 0..cases(3_000) {
        // A third without anything odd, a third odd, a third odd and mutated.
        let dice = Dice::new(number as u64 + 1);
        let mut generator = Generator { dice, odd: number % 3 > 0, out: String::new() };
        generator.file();
        let mut text = generator.out.into_bytes();
        if number % 3 == 2 {
            generator.dice.mutate(&mut text, VOCABULARY);
        }
        let answer = ours(&mut host, &text);
        pairs.extend([text, answer]);
    }
    let lines = judge(&script, &pairs);
    let (mut same, mut refused, mut exact, mut excuses, mut wrong) = (0, 0, 0, BTreeMap::new(), Vec::new());
    for (number, (pair, line)) in pairs.chunks(2).zip(lines.chunks(2)).enumerate() {
        let (answer, needed) = line[0].split_once('|').unwrap_or((&line[0], ""));
        needed.split('|').filter(|name| !name.is_empty()).for_each(|name| *excuses.entry(name).or_insert(0) += 1);
        match answer {
            "same" => same += 1,
            "both refuse" => refused += 1,
            _ => wrong.push((pair, answer)),
        }
        exact += usize::from(answer == "same" && needed.is_empty());
        // What cloud-init is made for needs no excuse but for these.
        let usual = ["repeated option", "several words", "blanks"];
        let plain = needed.split('|').all(|name| name.is_empty() || usual.contains(&name));
        assert!(number % 3 > 0 || plain, "{needed}:\n{}", String::from_utf8_lossy(&pair[0]));
    }
    println!("{} files: {same} the same ({exact} without an excuse), {refused} refused by both", pairs.len() / 2);
    for (name, count) in &excuses {
        println!("excused, {name}: {count}");
    }
    for (pair, answer) in wrong.iter().take(5) {
        println!(
            "---\n{}\n{}\n{answer}",
            String::from_utf8_lossy(&pair[0]).escape_debug(),
            String::from_utf8_lossy(&pair[1])
        );
    }
    assert!(wrong.is_empty(), "{} of {} differ", wrong.len(), pairs.len() / 2);
    assert!(exact * 6 > same && refused * 50 > same, "too few of a kind");
}
