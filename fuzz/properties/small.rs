//! The kernel's command line, and superblocks.

use wisp::format::cmdline::{self, Seed};
use wisp::format::superblock;

pub fn cmdline(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let count = cmdline::parameters(text).count();
    assert!(count <= text.len());
    for name in ["cc:", "ds", "ip", "cloud-config-url", "network-config"] {
        let _ = cmdline::get(text, name);
    }
    let _ = cmdline::cloud_config(text);
    if let Some(seed) = Seed::of_command_line(text) {
        let _ = seed.settings().count();
    }
}

pub fn superblock(data: &[u8]) {
    let mut reads = 0;
    let mut read = |offset: u64, out: &mut [u8]| {
        reads += 1;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
        let count = out.len().min(data.len() - start);
        out[..count].copy_from_slice(&data[start..start + count]);
        Ok(count)
    };
    if let Ok(Some(found)) = superblock::probe(&mut read) {
        assert!(!found.fstype.is_empty());
    }
    assert!(reads <= 1_000, "{reads} reads");
}
