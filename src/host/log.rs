//! How a log line and a date are written; every host writes them the same way.
//!
//! A line: `2026-01-02 03:04:05,678 - AREA[LEVEL]: text`, UTC (cloud-init's format, contracts.md section 4).

use core::fmt::{self, Write};
use core::time::Duration;

use super::Level;

/// Writes one log line with its end. `text` cannot forge a line of its own: see [`Text`].
///
/// # Errors
/// Those of `out`.
pub fn line(out: &mut dyn Write, wall: Duration, level: Level, area: &str, text: &dyn fmt::Display) -> fmt::Result {
    let stamp = stamp(wall);
    out.write_str(core::str::from_utf8(&stamp).unwrap_or_default())?;
    Tame(out).write_str(area)?;
    for text in ["[", level.word(), "]: "] {
        out.write_str(text)?;
    }
    write!(Tame(out), "{text}")?;
    out.write_str("\n")
}

/// `2026-01-02 03:04:05,678 - `. By hand: a stage writes dozens of lines, and six padded numbers cost more than the rest of one.
fn stamp(wall: Duration) -> [u8; 26] {
    let at = Civil::of(wall);
    let mut text = *b"0000-00-00 00:00:00,000 - ";
    let mut put = |start: usize, end: usize, mut number: u64| {
        for place in (start..end).rev() {
            text[place] = b'0' + (number % 10) as u8;
            number /= 10;
        }
    };
    put(0, 4, at.year);
    for (start, number) in [(5, at.month), (8, at.day), (11, at.hour), (14, at.minute), (17, at.second)] {
        put(start, start + 2, number.into());
    }
    put(20, 23, wall.subsec_millis().into());
    text
}

/// Text from anywhere, made fit for a log or a terminal: what follows a line's end is indented, other
/// control characters (escape sequences, carriage returns) are shown as `\x1b`.
pub struct Text<'a>(pub &'a dyn fmt::Display);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Tame(f), "{}", self.0)
    }
}

/// True for printable ASCII; by words.
fn is_tame(text: &[u8]) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = text.as_chunks::<8>();
    // A byte that is less than a space, more than `~`, or no ASCII, has its highest bit in one of the three.
    let odd = |word: u64| (word.wrapping_sub(0x20 * EACH) | word.wrapping_add(EACH) | word) & (0x80 * EACH);
    words.iter().all(|word| odd(u64::from_ne_bytes(*word)) == 0) && rest.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// Passes text on as [`Text`] shows it.
struct Tame<'a>(&'a mut dyn Write);

impl Write for Tame<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if is_tame(text.as_bytes()) {
            return self.0.write_str(text);
        }
        let mut plain = 0;
        // C1 control characters (U+0080 to U+009F) are two bytes of UTF-8; some terminals obey them.
        for (at, character) in text.char_indices().filter(|(_, c)| c.is_control() && *c != '\t') {
            self.0.write_str(&text[plain..at])?;
            plain = at + character.len_utf8();
            match character {
                '\n' => self.0.write_str("\n    ")?,
                other => write!(self.0, "\\x{:02x}", other as u32)?,
            }
        }
        self.0.write_str(&text[plain..])
    }
}

/// A time of day as `Fri, 02 Jan 2026 03:04:05 +0000` (RFC 2822 section 3.3): banners and `boot-finished`.
pub struct Rfc2822(pub Duration);

impl fmt::Display for Rfc2822 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let at = Civil::of(self.0);
        let (day, month) = (DAYS[at.weekday as usize % 7], MONTHS[(at.month as usize + 11) % 12]);
        write!(f, "{day}, {:02} {month} {:04} {:02}:{:02}:{:02} +0000", at.day, at.year, at.hour, at.minute, at.second)
    }
}

/// A moment in the Gregorian calendar, UTC, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1970 and later.
    pub year: u64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
    /// 0 is Sunday.
    pub weekday: u32,
}

impl Civil {
    /// The calendar's view of a time since the Unix epoch.
    pub fn of(wall: Duration) -> Self {
        let seconds = wall.as_secs();
        let (days, rest) = (seconds / 86_400, (seconds % 86_400) as u32);
        // Days are counted from 1 March of the year 0, so that the leap day is the last of its year and a
        // 400-year era always has 146,097 days; 1970-01-01 is day 719,468 of that count.
        let day = days + 719_468;
        let (era, day) = (day / 146_097, day % 146_097);
        // 1,460: four years less their leap day; 36,524: a century less its own; 146,096: the era's last day.
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = (day - (365 * year + year / 4 - year / 100)) as u32;
        // From March on, month lengths repeat 31 30 31 30 31 every 153 days.
        let month = (5 * day + 2) / 153;
        Civil {
            year: era * 400 + year + u64::from(month >= 10),
            month: if month < 10 { month + 3 } else { month - 9 },
            day: day - (153 * month + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
            weekday: ((days + 4) % 7) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;

    fn written(wall: Duration, text: &str) -> String {
        let mut out = String::new();
        line(&mut out, wall, Level::Warning, "cc_ssh.py", &text).unwrap();
        out
    }

    #[test]
    fn a_line_is_cloud_inits() {
        let wall = Duration::from_millis(1_767_323_045_678);
        assert_eq!(written(wall, "no key"), "2026-01-02 03:04:05,678 - cc_ssh.py[WARNING]: no key\n");
    }

    #[test]
    fn text_forges_no_line_and_drives_no_terminal() {
        let text = "a\n2026-01-02 03:04:05,678 - x[INFO]: b\r\u{1b}[2J\u{9b}\tü";
        assert_eq!(
            written(Duration::ZERO, text),
            "1970-01-01 00:00:00,000 - cc_ssh.py[WARNING]: a\n    2026-01-02 03:04:05,678 - x[INFO]: b\\x0d\\x1b[2J\\x9b\tü\n"
        );
    }

    #[test]
    fn dates_are_those_of_date_1() {
        for (seconds, wanted) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 +0000"),
            (1_767_323_045, "Fri, 02 Jan 2026 03:04:05 +0000"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (13_574_563_200, "Tue, 29 Feb 2400 00:00:00 +0000"),
        ] {
            assert_eq!(Rfc2822(Duration::from_secs(seconds)).to_string(), wanted, "{seconds}");
        }
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let mut last = Civil::of(Duration::ZERO);
        for day in 1..400 * 366u64 {
            let next = Civil::of(Duration::from_secs(day * 86_400));
            let same_month = next.day == last.day + 1 && (next.month, next.year) == (last.month, last.year);
            let new_month = next.day == 1 && last.day >= 28 && next.month == last.month % 12 + 1;
            assert!(same_month || new_month, "{last:?} {next:?}");
            assert_eq!(next.weekday, (last.weekday + 1) % 7);
            last = next;
        }
        assert_eq!(format!("{}", last.year), "2370");
    }
}
