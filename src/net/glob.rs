//! Patterns for names and drivers: `*`, `?` and `[…]`, as fnmatch(3) has them.

/// Whether `text` fits `pattern` as a whole. `[` without its `]` stands for itself.
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` is, and how far it reaches: only the last one ever has to give way.
    let mut star = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if t == text.len() {
            return p == pattern.len();
        } else if let Some(length) = one(&pattern[p..], text[t]) {
            p += length;
            t += 1;
        } else if let Some((at, reach)) = star {
            star = Some((at, reach + 1));
            p = at + 1;
            t = reach + 1;
        } else {
            return false;
        }
    }
}

/// How long the piece of the pattern is that fits this byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', rest @ ..] => {
            let not = matches!(rest.first(), Some(b'!' | b'^'));
            let set = &rest[usize::from(not)..];
            // A `]` that comes first is one of the set.
            let Some(end) = set.iter().skip(1).position(|byte| *byte == b']').map(|at| at + 1) else {
                return (byte == b'[').then_some(1);
            };
            let inside = |at: usize| match set[at..end] {
                [from, b'-', to, ..] => (from..=to).contains(&byte),
                [one, ..] => one == byte,
                [] => false,
            };
            let mut at = 0;
            let mut found = false;
            while at < end {
                found |= inside(at);
                at += if at + 2 < end && set[at + 1] == b'-' { 3 } else { 1 };
            }
            (found != not).then_some(2 + usize::from(not) + end)
        }
        [same, ..] if *same == byte => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, wanted) in [
            ("eth0", "eth0", true),
            ("eth0", "eth01", false),
            ("eth*", "eth", true),
            ("e*0*1", "eth0a01", true),
            ("e*0*1", "eth0a02", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("en?3", "ens3", true),
            ("en?", "en", false),
            ("eth[0-3]", "eth2", true),
            ("eth[0-3]", "eth4", false),
            ("eth[!0-3]", "eth4", true),
            ("eth[!0-3]", "eth3", false),
            ("eth[ab-]", "eth-", true),
            ("eth[]a]", "eth]", true),
            ("eth[", "eth[", true),
            ("eth[0", "eth0", false),
            ("*[0-9]x", "a1b2x", true),
        ] {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
