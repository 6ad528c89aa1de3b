use wisp::host::Host;
use wisp::host::links::NicKind;

use super::{alone, host};

#[test]
fn the_links_that_sysfs_has() {
    alone("links", |dir| {
        let mut host = host(dir);
        let nics = host.links().list().unwrap();
        let mut names: Vec<String> = nics.iter().map(|nic| nic.name.to_string()).collect();
        let entries = std::fs::read_dir("/sys/class/net").unwrap();
        // `bonding_masters` is a file.
        let links = entries.map(|entry| entry.unwrap()).filter(|entry| entry.path().join("ifindex").exists());
        let mut wanted: Vec<String> = links.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        wanted.sort();
        assert_eq!(names, wanted);
        let lo = nics.iter().find(|nic| &*nic.name == "lo").expect("every network namespace has one");
        assert_eq!((lo.kind, lo.is_physical(), &lo.permanent_mac), (NicKind::Loopback, false, &None));
        assert!(nics.windows(2).all(|pair| pair[0].index < pair[1].index));
    });
}
