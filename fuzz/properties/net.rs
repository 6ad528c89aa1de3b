//! Network configs: every dialect in, every dialect out.

use wisp::devel::Input;
use wisp::devel::net_convert::{Order, convert};
use wisp::host::Host;
use wisp::host::memory::MemoryHost;
use wisp::net::parse::{DIALECTS, Dialect, of_kind};
use wisp::net::render::RENDERERS;

/// The first byte says which dialect, the next which renderer; behind them stands the config. What was understood of it is written as
/// network-config v2; what is understood of that is, written and read again, the same.
pub fn net_config(data: &[u8]) {
    let [dialect, renderer, text @ ..] = data else { return };
    let dialect = &DIALECTS[usize::from(*dialect) % DIALECTS.len()];
    let Some(first) = understood(dialect, usize::from(*renderer), text) else { return };
    let v2 = of_kind("yaml").expect("the dialect");
    let v2 = |text: &[u8]| understood(v2, usize::from(*renderer), text);
    // A config without a link says nothing.
    let Some(read) = v2(&first) else { return };
    assert_eq!(v2(&read).map(String::from_utf8), Some(String::from_utf8(read)));
}

fn understood(dialect: &Dialect, renderer: usize, text: &[u8]) -> Option<Vec<u8>> {
    let mut host = MemoryHost::new();
    let order = Order {
        input: Input { name: "fuzz", path: "/fuzz", text },
        dialect,
        renderer: &RENDERERS[renderer % RENDERERS.len()],
        distro: "debian",
        nics: &[],
        directory: "/out",
        debug: true,
    };
    let (document, _) = convert(&order, host.files()).ok()?;
    // No name in a config leads out of the directories of its dialect.
    let before = MemoryHost::new().tree();
    for line in host.tree().iter().filter(|line| !before.contains(line)) {
        assert!(line.contains(" /out/") && !line.contains("/../"), "{line}");
    }
    Some(document)
}
