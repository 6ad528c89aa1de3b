//! Random links and wishes. What must hold is said of the outcome; the number of renames is counted by another way than the planner's.

use alloc::collections::BTreeSet;

use super::*;
use crate::host::memory::MemoryHost;

/// xorshift64 (Marsaglia, 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn pick<'a>(&mut self, from: &mut Vec<&'a str>) -> &'a str {
        let at = self.below(from.len());
        from.swap_remove(at)
    }
}

/// The last is nobody's wish.
const NAMES: [&str; 14] =
    ["eth0", "eth1", "eth2", "eth3", "eth5", "ens3", "ens4", "lan", "wan", "ib0", "bond0", "br0", "eth0.7", "wisptmp0"];

/// The fewest renames that fulfil these wishes (from, to): one for each, one more for each cycle among them, and one for each link
/// that has to give way.
fn fewest(wishes: &[(&str, &str)], held: &BTreeSet<&str>) -> usize {
    let next = |name: &str| wishes.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    let displaced = wishes.iter().filter(|(_, to)| held.contains(to) && next(to).is_none()).count();
    let mut in_cycles = BTreeSet::new();
    let mut cycles = 0;
    for (start, _) in wishes {
        let mut walk = vec![*start];
        while let Some(to) = next(walk[walk.len() - 1]).filter(|to| to != start && walk.len() <= wishes.len()) {
            walk.push(to);
        }
        if next(walk[walk.len() - 1]) == Some(start) {
            cycles += usize::from(!in_cycles.contains(start));
            in_cycles.extend(walk);
        }
    }
    wishes.len() + displaced + cycles
}

#[test]
fn random_wishes() {
    let mut dice = Dice(0x5eed);
    let (mut done, mut refused, mut cycles) = (0, 0, 0);
    for round in 0..20_000 {
        let mut pool = NAMES.to_vec();
        let count = 1 + dice.below(8);
        let links: Vec<String> =
            (0..count).map(|_| [dice.pick(&mut pool), ["", "+"][dice.below(2)]].concat()).collect();
        let mut host = MemoryHost::new();
        host.nics = nics(&links.join(" "));
        let before = host.nics.clone();
        let root: Vec<u32> = (0..dice.below(2)).map(|_| 1 + dice.below(count) as u32).collect();
        let mut from: Vec<&str> = before.iter().map(|nic| &*nic.name).collect();
        // Among themselves, or whatever comes.
        let mut to = if round % 2 == 0 { from.clone() } else { NAMES[..13].to_vec() };
        let wishes: Vec<(&str, &str)> =
            (0..dice.below(count + 1)).map(|_| (dice.pick(&mut from), dice.pick(&mut to))).collect();
        let words: Vec<String> = wishes.iter().map(|(from, to)| [*from, "=", *to].concat()).collect();
        let (plan, told) = planned(&before, &words.join(" "), &root);
        let mut report = Report::default();
        carry_out(&plan, &mut host, &mut report);
        let what = format!("round {round}: {links:?}, root {root:?}: {wishes:?}: {}: {told:?}", names(&host.nics));
        assert!(report.errors.is_empty(), "{what}: {report:?}");

        // Each wish is fulfilled, or it cannot be and both names are told.
        let mut granted = Vec::new();
        for (from, to) in wishes.iter().filter(|(from, to)| from != to) {
            let was = before.iter().find(|nic| &*nic.name == *from).unwrap();
            let now = host.nics.iter().find(|nic| nic.index == was.index).unwrap();
            let stays = |nic: &Nic| root.contains(&nic.index);
            let made = |nic: &Nic| matches!(nic.kind, NicKind::Bond | NicKind::Bridge | NicKind::Vlan);
            let holder = before.iter().find(|nic| &*nic.name == *to);
            let cannot = stays(was) || is_temporary(to) || holder.is_some_and(|holder| stays(holder) || made(holder));
            let error = format!("cannot rename {from} to {to} (");
            assert_eq!(cannot, told.iter().any(|told| told.starts_with(&error)), "{what}: {from}={to}");
            if cannot {
                refused += 1;
            } else {
                assert_eq!(&*now.name, *to, "{what}");
                granted.push((*from, *to));
            }
        }
        // No link is lost, no name is there twice, none is temporary but that of a link that must keep it.
        let distinct: BTreeSet<&str> = host.nics.iter().map(|nic| &*nic.name).collect();
        assert_eq!((host.nics.len(), distinct.len()), (count, count), "{what}");
        assert!(host.nics.iter().all(|nic| !is_temporary(&nic.name) || root.contains(&nic.index)), "{what}");
        // Who neither has a wish nor a name that is wanted is not touched.
        let mut left_over = 0;
        for (was, now) in before.iter().zip(&host.nics) {
            let is_wished = granted.iter().any(|(from, _)| *from == &*was.name);
            let is_wanted = granted.iter().any(|(_, to)| *to == &*was.name);
            let is_left_over = is_temporary(&was.name) && !is_wished && !root.contains(&was.index);
            left_over += usize::from(is_left_over && !is_wanted);
            if !is_wished && !is_wanted && !is_left_over {
                assert_eq!(was, now, "{what}");
                let names_it = |request: &String| request.split(' ').any(|word| word == &*was.name);
                assert!(!host.requests.iter().any(names_it), "{what}");
            } else if !is_wished {
                assert!(KERNEL_PREFIXES.iter().any(|prefix| is_counted(&now.name, prefix)), "{what}");
                assert!(wishes.iter().all(|(_, to)| *to != &*now.name), "{what}");
            }
            assert_eq!((was.up, &was.mac, was.kind), (now.up, &now.mac, now.kind), "{what}");
        }
        let held = before.iter().map(|nic| &*nic.name).collect();
        let renames = host.requests.iter().filter(|request| request.contains(" name ")).count();
        assert_eq!(renames, fewest(&granted, &held) + left_over, "{what}: {:?}", host.requests);
        // Only who is renamed goes down, once.
        let downs = host.requests.iter().filter(|request| request.ends_with(" down")).count();
        assert_eq!(downs, plan.nics.iter().filter(|nic| nic.up).count(), "{what}");
        cycles += usize::from(plan.moves.len() > plan.nics.len());
        done += granted.len();
    }
    assert!(done > 20_000 && refused > 5_000 && cycles > 500, "{done} {refused} {cycles}");
}
