//! `wisp net lease` and `wisp net flush` by the release binary, with real servers at the other end of a veth pair; iproute2 says what became of the link.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command as Program, Stdio};

use wisp::net::live::{Wants, exchange};
use wisp::paths;
use wisp::stage::renew::kept::{Kept, Leases};

use crate::dhcp::{BOX, BUSYBOX, Lab, OURS, RANGE, SERVER, ask, udhcpd, with_lab};

use super::*;

fn wisp(arguments: &[&str]) -> Program {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/target/x86_64-unknown-linux-musl/release/wisp");
    let mut command = Program::new(std::env::var("WISP_BIN").unwrap_or_else(|_| default.into()));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit status, standard output and error of `wisp net lease`.
fn lease(arguments: &[&str]) -> (i32, String, String) {
    let ran = wisp(&[&["net", "lease"], arguments].concat()).output().unwrap();
    let [out, err] = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (ran.status.code().unwrap_or_else(|| 1000 + ran.status.signal().unwrap()), out, err)
}

/// Files that wisp writes are nobody's else.
fn own_files() {
    for dir in ["/run", "/etc", "/var/log"] {
        mount(Path::new(dir), "tmpfs", "");
    }
}

/// The link, its IPv4 addresses and all IPv4 routes.
fn state(lab: &mut Lab) -> String {
    lab.here.run(&format!("ip -j link show dev {OURS}; ip -j -4 addr show dev {OURS}; ip -j -4 route show table all"))
}

fn options(lab: &mut Lab, dir: &Path) {
    let options = [
        RANGE,
        "--dhcp-option=option:classless-static-route,169.254.169.254/32,192.0.2.2,0.0.0.0/0,192.0.2.3",
        "--dhcp-option=option:dns-server,198.51.100.1",
        "--dhcp-option=option:domain-search,lab.example",
        "--dhcp-option=option:mtu,1400",
    ];
    lab.dnsmasq(dir, &options);
}

#[test]
fn a_command_has_a_lease_of_dnsmasq() {
    with_lab("lease-dnsmasq", options, |_, _, lab, dir| {
        own_files();
        let leases = dir.join("leases");
        let server_has = || fs::read_to_string(&leases).unwrap().contains("192.0.2.1");
        lab.here.run(&format!("ip link set {OURS} down"));
        let down = state(lab);
        // What the command sees, and its own words on both outputs; what looks like an option is its own.
        let look =
            format!("ip -4 addr show dev {OURS}; ip route; cat /etc/resolv.conf; cat {} >&2; exit 7", leases.display());
        let (code, out, err) = lease(&[OURS, "sh", "-c", &look, "--json"]);
        assert_eq!(code, 7, "{out}{err}{}", lab.log());
        for wanted in [
            "mtu 1400",
            "inet 192.0.2.1",
            "default via 192.0.2.3 dev wisp0 proto dhcp",
            "169.254.169.254 via 192.0.2.2 dev wisp0",
            "nameserver 198.51.100.1\nsearch lab.example\n",
        ] {
            assert!(out.contains(wanted), "{wanted}: {out}");
        }
        assert!(err.contains("192.0.2.1"), "the server has it meanwhile: {err}");
        eventually("it is given back", || !server_has());
        assert!(lab.log().contains("DHCPRELEASE(srv0) 192.0.2.1"), "{}", lab.log());
        assert_eq!(state(lab), down);
        assert!(!Path::new(paths::RESOLV_CONF).exists());

        // However it ends. The link is up now, and has a route without having an address; the file of name servers is empty.
        lab.here.run(&format!("ip link set {OURS} up; ip route add 203.0.113.0/24 dev {OURS} metric 5"));
        fs::write(paths::RESOLV_CONF, "").unwrap();
        eventually("the link is up", || state(lab).contains("\"operstate\":\"UP\""));
        let up = state(lab);
        fs::write(dir.join("text"), "no program").unwrap();
        let text = path(dir, "text");
        for (argv, wanted, told) in [
            (&["--", "sh", "-c", "exit 0", "--help"][..], 0, ""),
            (&["sh", "-c", "kill -9 $$"], 137, ""),
            (&["nowhere"], 127, "wisp: cannot run nowhere: no such program in PATH ("),
            (&["/nowhere/at-all"], 127, "wisp: cannot run /nowhere/at-all: no such file or directory\n"),
            (&[&text], 126, &format!("wisp: cannot run {text}: permission denied\n")),
        ] {
            let before = lab.log().matches("DHCPRELEASE").count();
            let (code, out, err) = lease(&[&["-t", "20", OURS], argv].concat());
            assert_eq!(
                (code, &*out, err.starts_with(told), err.is_empty()),
                (wanted, "", true, told.is_empty()),
                "{err}"
            );
            eventually("it is given back", || lab.log().matches("DHCPRELEASE").count() == before + 1 && !server_has());
            assert_eq!(state(lab), up);
            assert_eq!(fs::read(paths::RESOLV_CONF).unwrap(), b"");
        }

        // Shown, and not kept.
        let (code, out, err) = lease(&[OURS]);
        assert_eq!((code, &*err), (0, ""));
        let rest = "/24 from 192.0.2.1, for 3600 seconds\n  route    169.254.169.254/32 via 192.0.2.2\n  \
                    route    0.0.0.0/0 via 192.0.2.3\n  DNS      198.51.100.1\n  search   lab.example\n  MTU      1400\n";
        assert!(out.starts_with("wisp0: 192.0.2.1") && out.ends_with(rest), "{out}");
        let (code, out, err) = lease(&["--json", OURS]);
        assert_eq!((code, &*err), (0, ""));
        miniserde::json::from_str::<miniserde::json::Value>(&out).unwrap();
        assert!(out.contains("\"name\": \"wisp0\"") && out.contains("\"lease_time\": 3600"), "{out}");
        eventually("it is given back", || !server_has());
        assert_eq!(state(lab), up);
    });
}

/// Waits until the command has begun: `file` is its sign.
fn begun(child: &mut Child, file: &Path, lab: &Lab) {
    eventually("the command runs, or wisp has ended", || file.exists() || child.try_wait().unwrap().is_some());
    assert!(file.exists(), "{:?}: {}", child.try_wait(), lab.log());
    fs::remove_file(file).unwrap();
}

#[test]
fn who_ends_wisp_ends_the_command_and_the_lease() {
    with_lab("lease-signals", options, |_, _, lab, dir| {
        own_files();
        let before = state(lab);
        let file = dir.join("begun");
        let script = format!("touch {}; exec sleep 60", file.display());
        // To wisp alone, by kill(1); to both, as of a terminal.
        for (signal, group) in
            [(libc::SIGTERM, false), (libc::SIGINT, false), (libc::SIGHUP, true), (libc::SIGINT, true)]
        {
            let mut child = wisp(&["net", "lease", OURS, "sh", "-c", &script]).process_group(0).spawn().unwrap();
            begun(&mut child, &file, lab);
            assert!(state(lab).contains("192.0.2.1"));
            let pid = child.id() as i32;
            // SAFETY: numbers.
            unsafe { libc::kill(if group { -pid } else { pid }, signal) };
            assert_eq!(child.wait().unwrap().code(), Some(128 + signal));
            assert_eq!(state(lab), before);
            eventually("it is given back", || !fs::read_to_string(dir.join("leases")).unwrap().contains("192.0.2.1"));
        }
        // One that pays no heed is waited for.
        let script = format!("trap '' TERM; touch {}; sleep 1; exit 3", file.display());
        let mut child = wisp(&["net", "lease", OURS, "sh", "-c", &script]).spawn().unwrap();
        begun(&mut child, &file, lab);
        // SAFETY: numbers.
        unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
        assert_eq!(child.wait().unwrap().code(), Some(3));
        assert_eq!(state(lab), before);
    });
}

#[test]
fn nobody_gives_one() {
    with_lab(
        "lease-none",
        |_, _| (),
        |_, _, lab, dir| {
            own_files();
            lab.here.run(&format!("ip link set {OURS} down"));
            let before = state(lab);
            let file = path(dir, "ran");
            let told = "wisp: cannot lease an address for wisp0: no DHCP server gave one\n";
            assert_eq!(lease(&["-t", "1", OURS, "touch", &file]), (1, String::new(), told.into()));
            assert_eq!((state(lab), Path::new(&file).exists()), (before.clone(), false));
            // Nobody waits for what somebody wants no more.
            let child = wisp(&["net", "lease", "-t", "300", OURS, "touch", &file]).spawn().unwrap();
            eventually("the link is up", || state(lab) != before);
            std::thread::sleep(Duration::from_millis(200));
            let begin = Instant::now();
            // SAFETY: numbers.
            unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
            let ended = child.wait_with_output().unwrap();
            assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
            assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
            assert_eq!((state(lab), Path::new(&file).exists()), (before, false));
            // With an address of somebody's the command runs as it is.
            lab.here.run(&format!("ip addr add 192.0.2.200/24 dev {OURS}"));
            let before = state(lab);
            assert_eq!(lease(&[OURS, "sh", "-c", "exit 5"]).0, 5);
            let told = "wisp: cannot lease an address for wisp0: it has one: nobody was asked\n";
            assert_eq!(lease(&[OURS]), (1, String::new(), told.into()));
            assert_eq!(state(lab), before);
            let (code, _, err) = lease(&["eth9", "true"]);
            assert!(code == 1 && err.starts_with("wisp: cannot use eth9: no such link; there are: lo, "), "{err}");
        },
    );
}

#[test]
fn a_command_has_a_lease_of_udhcpd() {
    let prepare = |lab: &mut Lab, dir: &Path| lab.serve(BUSYBOX, &["udhcpd", "-f", "-a", "0", &udhcpd(dir, 50)], 67);
    with_lab("lease-udhcpd", prepare, |_, nic, lab, dir| {
        own_files();
        let before = state(lab);
        let (code, out, err) = lease(&[OURS, "ip", "-4", "addr", "show", "dev", OURS]);
        assert_eq!((code, &*err), (0, ""), "{}", lab.log());
        assert!(out.contains("inet 192.0.2.50/24"), "{out}");
        assert_eq!(state(lab), before);
        // The server writes its leases when it ends: seconds left, address, hardware address.
        let mut server = lab.servers.pop().unwrap();
        // SAFETY: our child's number.
        unsafe { libc::kill(server.id() as i32, libc::SIGTERM) };
        server.wait().unwrap();
        let leases = fs::read(dir.join("leases50")).unwrap();
        let wanted = [&[0; 4][..], &[192, 0, 2, 50], nic.mac.as_ref().unwrap().bytes()].concat();
        assert!(leases.windows(wanted.len()).any(|part| part == wanted), "{leases:x?}");
    });
}

#[test]
fn a_flush_gives_back_what_is_ours() {
    with_lab("lease-flush", options, |host, nic, lab, dir| {
        own_files();
        let before = state(lab);
        let lease = ask(host, nic, lab, BOX);
        let mut kept = Kept::new(nic, "box", Wants { what: 15, metric: 0 });
        kept.set(Some(&lease), Duration::ZERO);
        exchange(host, &nic.name, 0, None, Some(&kept.taken(Box::new(lease.clone()))));
        let boot = fs::read_to_string(paths::BOOT_ID).unwrap();
        let leases = Leases { kept: vec![kept], ..Leases::default() };
        write_file(host.files(), paths::LEASES, &Create::mode(0o600), leases.text(boot.trim_end()).as_bytes()).unwrap();
        let ran = wisp(&["net", "flush", OURS]).output().unwrap();
        let out = String::from_utf8(ran.stdout).unwrap();
        assert_eq!((ran.status.code(), &*String::from_utf8(ran.stderr).unwrap()), (Some(0), ""), "{out}");
        assert!(out.starts_with(&format!("DHCPRELEASE of {} to {SERVER}\nroute del ", lease.address)), "{out}");
        eventually("it is given back", || !fs::read_to_string(dir.join("leases")).unwrap().contains("box"));
        assert_eq!(state(lab).replace("\"mtu\":1400", "\"mtu\":1500"), before);
        // Nothing puts it there again.
        let ran = wisp(&["net", "renew"]).output().unwrap();
        assert_eq!(String::from_utf8(ran.stdout).unwrap(), "no leases are left to renew\n");
        assert_eq!(String::from_utf8(wisp(&["net", "flush", OURS]).output().unwrap().stdout).unwrap(), "");
    });
}
