//! DHCP with real servers: dnsmasq and busybox's udhcpd, in a network of their own at the other end of a veth pair.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Flock, FlockType, fcntl_getlk};
use wisp::host::links::Nic;
use wisp::host::packets::Channel;
use wisp::net::live::{Wants, exchange};
use wisp::paths;
use wisp::stage::renew;
use wisp::stage::renew::kept::{Kept, Leases};
use wisp::transport::dhcp::{self, Lease, LeaseRoute, Options, Renewed};
use wisp::transport::dhcp6;

use super::*;

pub const BUSYBOX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/guest/busybox");
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub const BOX: Options = Options { host_name: "box", client_id: b"", previous: None };
/// The link that asks, and what it is plugged into.
pub const OURS: &str = "wisp0";
const THEIRS: &str = "srv0";

/// The other end, with a shell on today's kernel in each of the two networks. All of it ends with this.
pub struct Lab {
    pub here: Shell,
    there: Shell,
    pub servers: Vec<Child>,
    log: PathBuf,
}

pub struct Shell {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Shell {
    fn new(mut command: Command) -> Self {
        let mut child = command.arg("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Shell { child, said }
    }

    /// What the commands print; all must go well.
    pub fn run(&mut self, commands: &str) -> String {
        let mut stdin = self.child.stdin.as_ref().unwrap();
        writeln!(stdin, "(set -e; {commands}\n) 2>&1; status=$?; echo; echo \"=$status\"").unwrap();
        let mut text = String::new();
        loop {
            let mut line = String::new();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "the shell has gone: {text}");
            match line.strip_prefix('=') {
                Some(status) => {
                    assert_eq!(status, "0\n", "{commands}: {text}");
                    return text;
                }
                None => text.push_str(&line),
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in self.servers.iter_mut().chain([&mut self.here.child, &mut self.there.child]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Lab {
    /// To be made before the process is on an old kernel.
    fn new(dir: &Path) -> Self {
        network::own();
        // The links that sysfs shows are those of the network in which it was mounted.
        own_mounts();
        mount(Path::new("/sys"), "sysfs", "");
        let mut there = Command::new("unshare");
        there.arg("-n");
        let mut there = Shell::new(there);
        let mut here = Shell::new(Command::new("env"));
        // unshare(1) has become the shell, in its network, once that answers.
        there.run("true");
        let pid = there.child.id();
        here.run(&format!("ip link add {OURS} type veth peer name {THEIRS} netns {pid}; ip link set {OURS} up"));
        there.run(&format!("ip link set lo up; ip link set {THEIRS} up; ip addr add {SERVER}/24 dev {THEIRS}"));
        Lab { here, there, servers: Vec::new(), log: dir.join("server.log") }
    }

    /// Starts a server there, and waits until it listens at this UDP port.
    pub fn serve(&mut self, program: &str, arguments: &[&str], port: u16) {
        let net = format!("--net=/proc/{}/ns/net", self.there.child.id());
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new("nsenter");
        command.arg(net).arg(program).args(arguments).stdin(Stdio::null());
        self.servers.push(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
        let end = Instant::now() + Duration::from_secs(30);
        let wanted = format!(":{port:04X} ");
        while !self.there.run("cat /proc/self/net/udp /proc/self/net/udp6").contains(&wanted) {
            assert!(Instant::now() < end, "{program} does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn dnsmasq(&mut self, dir: &Path, arguments: &[&str]) {
        let leases = format!("--dhcp-leasefile={}", path(dir, "leases"));
        // No ping before an offer: it takes three seconds.
        let always = [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--user=root",
            "--no-ping",
            "--log-dhcp",
            "--log-facility=-",
            &leases,
        ];
        let interface = format!("--interface={THEIRS}");
        let arguments = [&always[..], &[&interface], arguments].concat();
        let port = if arguments.iter().any(|word| word.starts_with("--dhcp-range=2001")) { 547 } else { 67 };
        self.serve("/usr/sbin/dnsmasq", &arguments, port);
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Gives our link this address, or takes it away.
    fn address(&mut self, what: &str, lease: &Lease) {
        self.here.run(&format!("ip addr {what} {}/{} dev {OURS}", lease.address, lease.prefix));
    }
}

/// Runs `body` on the old kernel, with a lab that `prepare` has equipped.
pub fn with_lab(
    name: &str,
    prepare: impl FnOnce(&mut Lab, &Path),
    body: impl FnOnce(&mut LiveHost, &Nic, &mut Lab, &Path),
) {
    alone_with(name, None, |dir| {
        let mut lab = Lab::new(dir);
        prepare(&mut lab, dir);
        // Those who have started are not on it.
        seccomp::forbid_newer_than_2_6_32(Answer::Enosys).unwrap();
        let mut host = host(dir);
        let nics = host.links().list().unwrap();
        let nic = nics.iter().find(|nic| &*nic.name == OURS).expect("the link");
        body(&mut host, nic, &mut lab, dir);
    });
}

pub fn ask(host: &mut LiveHost, nic: &Nic, lab: &Lab, options: Options) -> Lease {
    let until = host.now().up + Duration::from_secs(20);
    *dhcp::ask(host, nic, options, until).unwrap().unwrap_or_else(|| panic!("no lease: {}", lab.log()))
}

fn renewed(host: &mut LiveHost, nic: &Nic, lease: &Lease) -> Renewed {
    let until = host.now().up + Duration::from_secs(10);
    dhcp::renew(host, nic, lease, BOX, until).unwrap()
}

pub const RANGE: &str = "--dhcp-range=192.0.2.100,192.0.2.110,255.255.255.0,3600";

#[test]
fn a_lease_of_dnsmasq_with_everything() {
    let prepare = |lab: &mut Lab, dir: &Path| {
        let options = [
            RANGE,
            "--dhcp-option=option:classless-static-route,169.254.169.254/32,192.0.2.2,0.0.0.0/0,192.0.2.3",
            "--dhcp-option=option:router,192.0.2.9",
            "--dhcp-option=option:dns-server,198.51.100.1,198.51.100.2",
            "--dhcp-option=option:domain-search,eng.lab.example,lab.example",
            "--dhcp-option=option:domain-name,lab.example",
            "--dhcp-option=option:mtu,1400",
            "--dhcp-option=option:T1,900",
            "--dhcp-option=option:T2,1800",
        ];
        lab.dnsmasq(dir, &options);
    };
    with_lab("dhcp-all", prepare, |host, nic, lab, dir| {
        let before = host.now().up;
        let lease = ask(host, nic, lab, BOX);
        assert!((before..=host.now().up).contains(&lease.since));
        let route = |to: [u8; 4], prefix, via: [u8; 4]| LeaseRoute { to: to.into(), prefix, via: via.into() };
        let wanted = Lease {
            address: lease.address,
            prefix: 24,
            server: SERVER,
            routers: Vec::new(),
            routes: vec![route([169, 254, 169, 254], 32, [192, 0, 2, 2]), route([0; 4], 0, [192, 0, 2, 3])],
            dns: vec![[198, 51, 100, 1].into(), [198, 51, 100, 2].into()],
            search: vec!["eng.lab.example".into(), "lab.example".into()],
            domain: Some("lab.example".into()),
            mtu: Some(1400),
            host_name: Some("box".into()),
            since: lease.since,
            lease_time: 3600,
            // dnsmasq takes a little off both.
            t1: lease.t2 - 900,
            t2: lease.t2.clamp(1500, 1800),
            message: lease.message.clone(),
        };
        assert_eq!(lease, wanted, "{}", lab.log());
        assert!((100..=110).contains(&lease.address.octets()[3]));
        let leases = || fs::read_to_string(dir.join("leases")).unwrap_or_default();
        let line = format!("{} {} box 01:{}", nic.mac.as_ref().unwrap(), lease.address, nic.mac.as_ref().unwrap());
        eventually("the server's lease", || leases().contains(&line));

        // Kept by its server, then by any.
        lab.address("add", &lease);
        let Renewed::Lease(kept) = renewed(host, nic, &lease) else { panic!("{}", lab.log()) };
        assert!(kept.since > lease.since);
        let message = lease.message.clone();
        assert_eq!(Lease { since: lease.since, t1: lease.t1, t2: lease.t2, message, ..(*kept).clone() }, lease);
        let late = Lease { t1: 0, t2: 0, ..*kept };
        let Renewed::Lease(again) = renewed(host, nic, &late) else { panic!("{}", lab.log()) };
        assert_eq!(again.address, lease.address);

        dhcp::release(host, nic, &again).unwrap();
        eventually("it is given back", || !leases().contains("box"));
        assert!(lab.log().contains("DHCPRELEASE"), "{}", lab.log());
    });
}

/// An address of another network is refused, both to a host that has just come, and to one that has not noticed.
#[test]
fn after_a_move() {
    let prepare = |lab: &mut Lab, dir: &Path| lab.dnsmasq(dir, &[RANGE, "--dhcp-authoritative"]);
    with_lab("dhcp-move", prepare, |host, nic, lab, _| {
        let elsewhere = Options { previous: Some(Ipv4Addr::new(198, 51, 100, 5)), ..BOX };
        let lease = ask(host, nic, lab, elsewhere);
        assert_eq!(lease.address.octets()[..3], [192, 0, 2]);
        assert!(lab.log().contains("DHCPNAK"), "{}", lab.log());

        let stale = Lease { address: Ipv4Addr::new(192, 0, 2, 200), ..lease.clone() };
        lab.address("add", &stale);
        assert_eq!(renewed(host, nic, &stale), Renewed::Lost, "{}", lab.log());
        lab.address("del", &stale);

        // The address that it has is had again at once.
        let discovers = |lab: &Lab| lab.log().matches("DHCPDISCOVER").count();
        let before = discovers(lab);
        let again = ask(host, nic, lab, Options { previous: Some(lease.address), ..BOX });
        assert_eq!((again.address, discovers(lab)), (lease.address, before), "{}", lab.log());
    });
}

#[test]
fn a_short_lease_of_udhcpd() {
    let prepare = |lab: &mut Lab, dir: &Path| {
        let (config, leases) = (path(dir, "udhcpd.conf"), path(dir, "leases"));
        fs::write(&leases, "").unwrap();
        let text = format!(
            "start 192.0.2.50\nend 192.0.2.60\ninterface {THEIRS}\nlease_file {leases}\npidfile {}\nauto_time 0\nmin_lease 2\n\
             option subnet 255.255.255.0\nopt router 192.0.2.1\nopt dns 198.51.100.1\noption domain lab.example\nopt lease 6\n",
            path(dir, "pid")
        );
        fs::write(&config, text).unwrap();
        lab.serve(BUSYBOX, &["udhcpd", "-f", "-a", "0", &config], 67);
    };
    with_lab("dhcp-udhcpd", prepare, |host, nic, lab, dir| {
        let mut lease = ask(host, nic, lab, BOX);
        assert_eq!((lease.prefix, lease.server, &lease.routers[..]), (24, SERVER, &[SERVER][..]));
        assert_eq!(
            (&lease.search[..], &lease.dns[..]),
            (&["lab.example".into()][..], &[Ipv4Addr::new(198, 51, 100, 1)][..])
        );
        assert_eq!((lease.lease_time, lease.t1), (6, 3));
        lab.address("add", &lease);
        // Over more time than one lease has.
        for _ in 0..2 {
            let t1 = lease.at(lease.t1);
            host.sleep(t1.saturating_sub(host.now().up));
            let Renewed::Lease(kept) = renewed(host, nic, &lease) else { panic!("{}", lab.log()) };
            assert!(kept.address == lease.address && kept.since >= t1);
            lease = *kept;
        }
        dhcp::release(host, nic, &lease).unwrap();
        // The server writes its leases when it ends: seconds left, address, hardware address.
        let mut server = lab.servers.pop().unwrap();
        // SAFETY: our child's number.
        unsafe { libc::kill(server.id() as i32, libc::SIGTERM) };
        server.wait().unwrap();
        let leases = fs::read(dir.join("leases")).unwrap();
        let wanted = [&[0; 4][..], &lease.address.octets(), nic.mac.as_ref().unwrap().bytes()].concat();
        assert!(leases.windows(wanted.len()).any(|part| part == wanted), "{leases:x?}");
        // Nobody keeps it any more, and the time is nearly up.
        lease.lease_time = (host.now().up - lease.since).as_secs() as u32 + 1;
        lease.t2 = lease.lease_time;
        assert_eq!(renewed(host, nic, &lease), Renewed::Lost);
        assert!(host.now().up >= lease.at(lease.lease_time));
    });
}

/// The config of a udhcpd with leases of six seconds.
pub fn udhcpd(dir: &Path, from: u8) -> String {
    let (config, leases) = (path(dir, "udhcpd.conf"), path(dir, &format!("leases{from}")));
    fs::write(&leases, "").unwrap();
    let text = format!(
        "start 192.0.2.{from}\nend 192.0.2.{from}\ninterface {THEIRS}\nlease_file {leases}\npidfile {}\nmin_lease 2\n\
         option subnet 255.255.255.0\nopt router 192.0.2.1\nopt dns 198.51.100.{from}\nopt lease 6\n",
        path(dir, "pid")
    );
    fs::write(&config, text).unwrap();
    config
}

/// A process in the background that renews; when this returns its parent has ended.
fn renewing(dir: &Path) {
    // SAFETY: a copy with one thread, which leaves with _exit.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let mut host = host(dir);
        let done = match crate::sys::detach() {
            Ok(true) => renew::renew(&mut host),
            other => other.map(|_| ()),
        };
        drop(host);
        // SAFETY: ends it.
        unsafe { libc::_exit(i32::from(done.is_err())) }
    }
    let mut status = 0;
    // SAFETY: our child.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(status, 0);
}

/// Who has the lock; 0: nobody.
fn renewer() -> i32 {
    let Ok(file) = fs::File::options().read(true).write(true).open(paths::LEASES_LOCK) else { return 0 };
    let holder = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).unwrap();
    holder.and_then(|lock| lock.pid).map_or(0, |pid| pid.as_raw_pid())
}

#[test]
fn a_lease_outlives_its_time() {
    with_lab(
        "dhcp-renew",
        |lab, dir| lab.serve(BUSYBOX, &["udhcpd", "-f", "-a", "0", &udhcpd(dir, 50)], 67),
        |host, nic, lab, dir| {
            for dir in ["/run", "/etc"] {
                mount(Path::new(dir), "tmpfs", "");
            }
            let lease = ask(host, nic, lab, BOX);
            let mut kept = Kept::new(nic, "box", Wants { what: 15, metric: 0 });
            kept.set(Some(&lease), Duration::ZERO);
            exchange(host, &nic.name, 0, None, Some(&kept.taken(Box::new(lease.clone()))));
            let boot = fs::read_to_string(paths::BOOT_ID).unwrap();
            let leases = Leases { kept: vec![kept], ..Leases::default() };
            write_file(host.files(), paths::LEASES, &Create::mode(0o600), leases.text(boot.trim_end()).as_bytes())
                .unwrap();
            // The one that is begun last stays, and has nothing of ours open.
            renewing(dir);
            eventually("the first", || renewer() > 0);
            let first = renewer();
            renewing(dir);
            eventually("the second", || renewer() > 0 && renewer() != first);
            let fds = fs::read_dir(format!("/proc/{}/fd", renewer())).unwrap();
            let open: Vec<_> = fds.map(|fd| fs::read_link(fd.unwrap().path()).unwrap()).collect();
            let log = path(dir, "log");
            assert!(open.iter().all(|file| *file != Path::new(&log)) && open.len() <= 5, "{open:?}");
            let addresses = |lab: &mut Lab| lab.here.run(&format!("ip -j addr show dev {OURS}"));
            let lifetime = |lab: &mut Lab| {
                let text = addresses(lab);
                let (_, rest) = text.split_once("192.0.2.50").unwrap_or_else(|| panic!("{text}"));
                let (_, rest) = rest.split_once("valid_life_time\":").unwrap();
                rest.split([',', '}']).next().unwrap().parse::<u32>().unwrap()
            };
            let end = lease.at(lease.lease_time) + Duration::from_secs(2);
            while host.now().up < end {
                assert!((1..=6).contains(&lifetime(lab)), "{}", lab.log());
                host.sleep(Duration::from_millis(300));
            }
            assert!(lab.here.run("ip route").contains("default via 192.0.2.1 dev wisp0 proto dhcp"));
            assert_eq!(fs::read_to_string(&log).unwrap().lines().filter(|line| line.contains("WARNING")).count(), 0);

            // Another server, which has never heard of it.
            let mut server = lab.servers.pop().unwrap();
            server.kill().unwrap();
            server.wait().unwrap();
            let config = udhcpd(dir, 60);
            lab.there.run(&format!("timeout 60 {BUSYBOX} udhcpd -f -a 0 {config} >/dev/null 2>&1 &"));
            eventually("another address", || addresses(lab).contains("192.0.2.60"));
            assert!(!addresses(lab).contains("192.0.2.50"));
            eventually("its name server", || {
                fs::read_to_string("/etc/resolv.conf").is_ok_and(|text| text.contains("nameserver 198.51.100.60\n"))
            });
            assert!(lab.here.run("ip route").contains("default via 192.0.2.1 dev wisp0 proto dhcp"));
            assert!(fs::read_to_string(&log).unwrap().contains("it has ended"));

            // Somebody takes it away.
            lab.here.run(&format!("ip addr flush dev {OURS}"));
            eventually("it ends", || renewer() == 0);
            assert!(fs::read_to_string(&log).unwrap().contains("somebody has taken the address"));
        },
    );
}

#[test]
fn name_servers_of_ipv6() {
    let prepare = |lab: &mut Lab, dir: &Path| {
        lab.there.run(&format!("ip addr add 2001:db8::1/64 dev {THEIRS} nodad"));
        let options = [
            "--enable-ra",
            "--dhcp-range=2001:db8::,ra-stateless",
            "--dhcp-option=option6:dns-server,[2001:db8::53],[2001:db8::54]",
            "--dhcp-option=option6:domain-search,lab.example,example",
            "--dhcp-option=option6:information-refresh-time,1200",
        ];
        lab.dnsmasq(dir, &options);
    };
    with_lab("dhcp6", prepare, |host, nic, lab, _| {
        // Its link-local address is one or two seconds away, as after any start.
        let until = host.now().up + Duration::from_secs(20);
        let found = dhcp6::ask(host, nic, until).unwrap().unwrap_or_else(|| panic!("no answer: {}", lab.log()));
        let wanted = dhcp6::Information {
            dns: vec!["2001:db8::53".parse().unwrap(), "2001:db8::54".parse().unwrap()],
            search: vec!["lab.example".into(), "example".into()],
            refresh: 1200,
        };
        assert_eq!(found, wanted, "{}", lab.log());
    });
}

#[test]
fn links_that_do_not_work() {
    with_lab(
        "dhcp-none",
        |_, _| (),
        |host, nic, lab, _| {
            // Nothing newer is even tried.
            seccomp::forbid_newer_than_2_6_32(Answer::Kill).unwrap();
            let soon = |host: &LiveHost| host.now().up + Duration::from_millis(1500);
            let end = soon(host);
            assert_eq!(dhcp::ask(host, nic, BOX, end), Ok(None));
            // Before the kernel is sure of the link's own address nothing can be sent.
            let sure = format!("ip -6 -o addr show dev {OURS} scope link -tentative");
            eventually("the link has its address", || lab.here.run(&sure).contains("fe80:"));
            let end = soon(host);
            assert_eq!(dhcp6::ask(host, nic, end), Ok(None));
            lab.here.run(&format!("ip link set {OURS} down"));
            let end = soon(host);
            let told = dhcp::ask(host, nic, BOX, end).unwrap_err().to_string();
            assert!(
                told.ends_with("on wisp0: error number 100") || told.ends_with("on wisp0: network is down"),
                "{told}"
            );
            assert!(host.now().up >= end && host.now().up < end + Duration::from_secs(5));
            let gone = Nic { index: 999, name: wisp::host::links::IfName::parse("none0").unwrap(), ..nic.clone() };
            for channel in [Channel::Raw, Channel::Udp4 { to: SERVER }, Channel::Udp6] {
                let told = host.open_packets(&gone, &channel).err().unwrap().to_string();
                assert_eq!(told, format!("cannot listen on {}: no such device", channel.name(&gone)));
            }
        },
    );
}
