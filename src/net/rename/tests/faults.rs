//! Plans carried out, and what becomes of them when the kernel refuses.

use super::*;
use crate::host::links::{Address, RouteEntry};
use crate::host::memory::{Fault, FaultSpan, MemoryHost};

/// Asks the memory host, unless `refuses` says what the kernel answers.
struct Kernel<'a> {
    host: &'a mut MemoryHost,
    refuses: &'a mut dyn FnMut(&str) -> Option<Errno>,
}

impl Links for Kernel<'_> {
    fn list(&mut self) -> Result<Vec<Nic>, Error> {
        self.host.list()
    }

    fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        self.host.addresses()
    }

    fn routes(&mut self) -> Result<Vec<RouteEntry>, Error> {
        self.host.routes()
    }

    fn request(&mut self, request: &Request<'_>) -> Result<(), Error> {
        let text = request.to_string();
        match (self.refuses)(&text) {
            Some(errno) => Err(Error::new("change", text, errno)),
            None => self.host.request(request),
        }
    }
}

/// The links after a plan was carried out, and what was told.
fn carried(links: &str, wishes: &str, refuses: &mut dyn FnMut(&str) -> Option<Errno>) -> (String, Vec<String>) {
    let mut host = MemoryHost::new();
    host.nics = nics(links);
    let (plan, _) = planned(&host.nics, wishes, &[]);
    let mut report = Report::default();
    carry_out(&plan, &mut Kernel { host: &mut host, refuses }, &mut report);
    (names(&host.nics), told(&report))
}

#[test]
fn plans_are_carried_out_as_they_are_shown() {
    for (links, wishes, wanted, lost) in [
        ("lo+ eth0 eth1", "eth0=eth1 eth1=eth0", "1=lo+ 2=eth1 3=eth0", 0),
        ("lo+ a b+ c", "a=b b=c c=a", "1=lo+ 2=b 3=c+ 4=a", 1),
        ("lo+ eth0+ eth1 br0+", "eth0=eth1", "1=lo+ 2=eth1+ 3=eth2 4=br0+", 1),
    ] {
        let mut host = MemoryHost::new();
        host.nics = nics(links);
        let (plan, _) = planned(&host.nics, wishes, &[]);
        let mut shown = Vec::new();
        plan.each(&mut |request| shown.push(request.to_string()));
        let mut report = Report::default();
        carry_out(&plan, &mut host, &mut report);
        assert_eq!((names(&host.nics).as_str(), &host.requests), (wanted, &shown));
        assert_eq!((report.errors.len(), report.warnings.len()), (0, lost), "{report:?}");
    }
}

#[test]
fn what_a_link_that_was_up_lost_is_told() {
    let (names, told) = carried("lo eth0+", "eth0=lan", &mut |_| None);
    assert_eq!(names, "1=lo 2=lan+");
    assert_eq!(told, ["lan was up: its routes and its IPv6 addresses went as it was renamed"]);
}

#[test]
fn a_link_that_somebody_brings_up_meanwhile() {
    let mut asked = 0;
    let mut busy_once = |text: &str| {
        asked += usize::from(text == "link set eth0 name lan");
        (text == "link set eth0 name lan" && asked == 1).then_some(Errno::BUSY)
    };
    // It is brought up again, as it was.
    assert_eq!(carried("lo eth0", "eth0=lan", &mut busy_once).0, "1=lo 2=lan+");
}

#[test]
fn nobody_keeps_the_temporary_name() {
    let busy = |from: &str, to: &str| format!("cannot rename {from} to {to}: device or resource busy");
    let held = |from: &str, to: &str| {
        format!("cannot rename {from} to {to}: that still is the name of another, which could not be renamed")
    };
    for (links, wishes, refused, wanted, errors) in [
        // The second of a swap cannot be renamed: the first goes home.
        ("a+ b+", "a=b b=a", "set b name a", "1=a+ 2=b+", vec![busy("b", "a"), held("a", "b")]),
        ("a b", "a=b b=a", "set a name wisptmp0", "1=a+ 2=b", vec![busy("a", "b"), held("b", "a")]),
        // The name is refused, and its own is the other's by then.
        ("a b", "a=b b=a", "set wisptmp0 name b", "1=eth0+ 2=a", vec![busy("a", "b")]),
        ("ib3 b", "ib3=b b=ib3", "set wisptmp0 name b", "1=ib0+ 2=ib3", vec![busy("ib3", "b")]),
        // In a cycle of three the last cannot: the one that moved keeps what it got.
        ("a b c", "a=b b=c c=a", "set b name c", "1=eth0 2=b+ 3=a", vec![busy("b", "c"), held("a", "b")]),
        // A second cycle goes on.
        ("a b c d", "a=b b=a c=d d=c", "set b name a", "1=a 2=b+ 3=d 4=c", vec![busy("b", "a"), held("a", "b")]),
        // The chain stops behind the one that cannot, the rest goes on.
        ("a b c", "a=b b=x c=y", "set b name x", "1=a 2=b+ 3=y", vec![busy("b", "x"), held("a", "b")]),
    ] {
        let mut refuses = |text: &str| text.ends_with(refused).then_some(Errno::BUSY);
        let (names, mut told) = carried(links, wishes, &mut refuses);
        told.retain(|text| text.starts_with("cannot"));
        assert_eq!((names.as_str(), told), (wanted, errors), "{links}: {wishes}: {refused}");
    }
}

#[test]
fn a_nic_that_is_pulled_out_meanwhile() {
    // The first of a swap goes while it has the temporary name: nothing is left to be rescued.
    let mut gone = |text: &str| text.contains("wisptmp0 ").then_some(Errno::NODEV);
    assert_eq!(carried("a b", "a=b b=a", &mut gone).1, ["cannot rename a to b: no such device"]);
    // The name of one that has gone is free for the next: it is asked for. (The memory host has it still, and refuses.)
    let mut gone = |text: &str| text.contains("set b ").then_some(Errno::NODEV);
    let wanted = ["cannot rename b to x: no such device", "cannot rename c to b: file exists"];
    assert_eq!(carried("a b c", "c=b b=x", &mut gone).1, wanted);
}

#[test]
fn names_that_are_taken_meanwhile() {
    let mut taken =
        |text: &str| ["name b", "name eth0", "name eth1"].iter().any(|end| text.ends_with(end)).then_some(Errno::EXIST);
    let (names, told) = carried("a b", "a=b b=a", &mut taken);
    assert_eq!(names, "1=eth2 2=a");
    assert_eq!(told, ["cannot rename a to b: file exists", "a is called eth2 now"]);
    // Every name: it is said which one the link has.
    let mut all = |text: &str| text.contains("wisptmp0 name").then_some(Errno::PERM);
    let (names, told) = carried("a b", "a=b b=a", &mut all);
    assert_eq!(names, "1=wisptmp0 2=a");
    assert_eq!(told[1], "cannot rename a, now wisptmp0: every name was refused; it has a temporary one");
}

/// One call fails, or some in a row (the second try too): nobody keeps the temporary name, no link is left down without a word,
/// and what is not told is done.
#[test]
fn faults_at_every_call() {
    let scenes = [
        ("a+ b+ c", "a=b b=a c=lan"),
        ("lo+ a+ b c+ d", "a=b b=c c=a"),
        ("a b+ c+ x+", "a=b b=c x=y"),
        ("a+ b", "a=b"),
    ];
    let mut seen = 0;
    for (links, wishes) in scenes {
        for length in 1..=4 {
            for call in 1.. {
                let mut host = MemoryHost::new();
                host.nics = nics(links);
                let before = host.nics.clone();
                let (plan, _) = planned(&before, wishes, &[]);
                (0..length).for_each(|more| host.fail_at(call + more, Fault::Io, FaultSpan::Once));
                let mut report = Report::default();
                carry_out(&plan, &mut host, &mut report);
                if call > host.calls() {
                    break;
                }
                seen += 1;
                let what = format!("{links}: {wishes}: {length} from call {call}: {}: {report:?}", names(&host.nics));
                assert!(!host.nics.iter().any(|nic| is_temporary(&nic.name)), "{what}");
                for nic in &before {
                    let now = host.nics.iter().find(|now| now.index == nic.index).expect("links do not vanish");
                    let told = |text: &str| report.errors.iter().any(|error| error.object.starts_with(text));
                    let wished = plan.nics.iter().find(|wished| wished.from == nic.name);
                    let is_done = wished.map_or(&nic.name, |wished| &wished.to) == &now.name;
                    assert!(is_done || told(&format!("{} to ", nic.name)), "{what}");
                    assert!(now.up == nic.up || told(&format!("link set {} up", now.name)), "{what}");
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}
