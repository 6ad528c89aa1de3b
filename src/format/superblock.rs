//! Superblocks: which file system is on a device, its label and its UUID, by the few bytes that say so.
//!
//! | type | what is read | source |
//! | --- | --- | --- |
//! | vfat | BIOS parameter block, then the root directory for its volume entry | Microsoft, FAT32 File System Specification 1.03 |
//! | ext2, ext3, ext4 | the superblock at 1,024; features tell them apart | fs/ext4/ext4.h, Documentation/filesystems/ext4 |
//! | xfs | the first sector | fs/xfs/libxfs/xfs_format.h |
//! | iso9660 | the volume descriptors from 32,768 on | ECMA-119 section 8; Joliet specification |
//! | btrfs | the superblock at 65,536 | include/uapi/linux/btrfs_tree.h |
//!
//! They are looked for in this order. An image that is both iso9660 and udf is iso9660; udf alone is not known.
//! Labels are taken as libblkid takes them: trimmed; a FAT volume entry before the parameter block's label.

use core::fmt;

use crate::error::Error;
use crate::limits::MAX_LABEL;

/// A file system's label, UTF-8; what is not, is U+FFFD.
pub type Label = heapless::String<MAX_LABEL>;

/// A file system's identity; printed as libblkid prints it, nothing for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uuid {
    /// It has none.
    None,
    /// ext, xfs, btrfs: lower case with hyphens.
    Bytes([u8; 16]),
    /// vfat, its serial number: `ABCD-1234`.
    Serial(u32),
    /// iso9660, digits of the date of its making: `2026-01-31-23-59-59-00`.
    Date([u8; 16]),
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, is_date) = match self {
            Uuid::None => return Ok(()),
            Uuid::Serial(serial) => return write!(f, "{:04X}-{:04X}", serial >> 16, serial & 0xFFFF),
            Uuid::Bytes(bytes) => (bytes, false),
            Uuid::Date(digits) => (digits, true),
        };
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) || is_date && matches!(at, 12 | 14) {
                f.write_str("-")?;
            }
            if is_date { write!(f, "{}", char::from(*byte))? } else { write!(f, "{byte:02x}")? }
        }
        Ok(())
    }
}

/// What is on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// As mount(2) calls it.
    pub fstype: &'static str,
    /// Empty without one.
    pub label: Label,
    /// Its identity.
    pub uuid: Uuid,
}

/// Reads bytes of a device at an offset; fewer than asked for only at its end.
pub type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> Result<usize, Error> + 'a;

/// Looks for a file system, with at most four reads of 4 KiB in the usual cases. `None`: none that is known here, or
/// a device too short for one.
///
/// # Errors
/// Those of `read`.
#[inline(never)]
pub fn probe(read: &mut ReadAt<'_>) -> Result<Option<Superblock>, Error> {
    let mut block = Block { read, bytes: [0; BLOCK], size: 0 };
    block.load(0)?;
    if let Some(fat) = Fat::of(block.loaded()) {
        return fat.superblock(&mut block).map(Some);
    }
    if let Some(found) = ext(block.loaded()).or_else(|| xfs(block.loaded())) {
        return Ok(Some(found));
    }
    if let Some(found) = iso9660(&mut block)? {
        return Ok(Some(found));
    }
    block.load(65_536)?;
    Ok(btrfs(block.loaded()))
}

const BLOCK: usize = 4096;

/// One block of the device at a time.
struct Block<'r, 'f> {
    read: &'r mut ReadAt<'f>,
    bytes: [u8; BLOCK],
    size: usize,
}

impl Block<'_, '_> {
    fn load(&mut self, offset: u64) -> Result<(), Error> {
        self.size = (self.read)(offset, &mut self.bytes)?.min(BLOCK);
        Ok(())
    }

    fn loaded(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

// Inlined, since most offsets are constants in a field whose size is known: nothing is left to be checked there.
#[inline(always)]
fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[inline(always)]
fn half(bytes: &[u8], at: usize) -> Option<u32> {
    field(bytes, at).map(|two| u32::from(u16::from_le_bytes(two)))
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    field(bytes, at).map(u32::from_le_bytes)
}

/// Up to a NUL, and without white space around it.
#[inline(never)]
fn label(bytes: &[u8]) -> Label {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let mut label = Label::new();
    for chunk in bytes[..end].trim_ascii().utf8_chunks() {
        push(&mut label, &mut chunk.valid().chars());
        if !chunk.invalid().is_empty() {
            let _ = label.push(char::REPLACEMENT_CHARACTER);
        }
    }
    label
}

/// Adds what fits: every label does, unless bytes that are no text grew into replacement characters.
fn push(label: &mut Label, chars: &mut dyn Iterator<Item = char>) {
    for c in chars {
        if label.push(c).is_err() {
            return;
        }
    }
}

/// Zeros are none.
fn uuid(bytes: [u8; 16]) -> Uuid {
    if bytes == [0; 16] { Uuid::None } else { Uuid::Bytes(bytes) }
}

fn ext(start: &[u8]) -> Option<Superblock> {
    const JOURNAL: u32 = 0x4;
    const JOURNAL_DEVICE: u32 = 0x8;
    // Features that the kernel's ext2 and ext3 knew: filetype and meta_bg, ext3 also recovery; sparse_super, large_file, btree_dir.
    const INCOMPATIBLE_EXT2: u32 = 0x2 | 0x10;
    const INCOMPATIBLE_EXT3: u32 = INCOMPATIBLE_EXT2 | 0x4;
    const READ_ONLY: u32 = 0x1 | 0x2 | 0x4;
    let block: &[u8; 1024] = start.get(1024..)?.first_chunk()?;
    let block_size_shift = word(block, 0x18)?;
    if half(block, 0x38)? != 0xEF53 || block_size_shift > 6 {
        return None;
    }
    let [compatible, incompatible, read_only] = [word(block, 0x5C)?, word(block, 0x60)?, word(block, 0x64)?];
    if incompatible & JOURNAL_DEVICE != 0 {
        return None;
    }
    let within = |known: u32| incompatible & !known == 0 && read_only & !READ_ONLY == 0;
    let fstype = match compatible & JOURNAL != 0 {
        false if within(INCOMPATIBLE_EXT2) => "ext2",
        true if within(INCOMPATIBLE_EXT3) => "ext3",
        _ => "ext4",
    };
    Some(Superblock { fstype, label: label(&block[0x78..0x88]), uuid: uuid(field(block, 0x68)?) })
}

fn xfs(start: &[u8]) -> Option<Superblock> {
    let start: &[u8; 0x78] = start.first_chunk()?;
    let block_size = u32::from_be_bytes(field(start, 4)?);
    if !start.starts_with(b"XFSB") || !block_size.is_power_of_two() {
        return None;
    }
    Some(Superblock { fstype: "xfs", label: label(&start[0x6C..]), uuid: uuid(field(start, 0x20)?) })
}

fn btrfs(block: &[u8]) -> Option<Superblock> {
    let block: &[u8; 0x22B] = block.first_chunk()?;
    if field(block, 0x40)? != *b"_BHRfS_M" {
        return None;
    }
    Some(Superblock { fstype: "btrfs", label: label(&block[0x12B..]), uuid: uuid(field(block, 0x20)?) })
}

/// Size of a volume descriptor, and of two in a block.
const DESCRIPTOR: usize = 2048;
/// Volume descriptors looked at; there are three or four.
const MAX_DESCRIPTORS: usize = 16;

#[inline(never)]
fn iso9660(block: &mut Block<'_, '_>) -> Result<Option<Superblock>, Error> {
    let mut found: Option<Superblock> = None;
    for at in 0..MAX_DESCRIPTORS {
        let inside = at * DESCRIPTOR % BLOCK;
        if inside == 0 {
            block.load(32_768 + (at * DESCRIPTOR) as u64)?;
        }
        let Some(descriptor) = block.loaded().get(inside..inside + DESCRIPTOR) else { break };
        match (descriptor[0], &descriptor[1..6], &mut found) {
            (1, b"CD001", None) => {
                let volume = label(&descriptor[40..72]);
                found = Some(Superblock { fstype: "iso9660", label: volume, uuid: iso9660_date(descriptor) });
            }
            (2, b"CD001", Some(primary)) if matches!(&descriptor[88..91], b"%/@" | b"%/C" | b"%/E") => {
                primary.label = joliet(&descriptor[40..72], &primary.label);
                break;
            }
            (0..=254, b"CD001", _) => {}
            _ => break,
        }
    }
    Ok(found)
}

/// Joliet's label, which keeps what the primary descriptor may not (small letters, any script) but has room for 16
/// characters only. Where it is the beginning of the primary label, the rest of that one follows, as in libblkid.
fn joliet(field: &[u8], primary: &Label) -> Label {
    let units = field.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).take_while(|unit| *unit != 0);
    let mut wide = Label::new();
    push(&mut wide, &mut char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    let mut result = Label::new();
    push(&mut result, &mut wide.trim().chars());
    if result.is_empty() {
        return primary.clone();
    }
    let same = |(a, b): (char, char)| a.eq_ignore_ascii_case(&b) || a == '_' || b == '_';
    if wide.trim().chars().zip(primary.chars()).all(same) {
        push(&mut result, &mut primary.chars().skip(wide.trim().chars().count()));
    }
    result
}

/// When the volume was changed last, or made (ECMA-119 section 8.4.26.1).
fn iso9660_date(descriptor: &[u8]) -> Uuid {
    for at in [830, 813] {
        let date: [u8; 16] = field(descriptor, at).unwrap_or_default();
        if date.iter().all(u8::is_ascii_digit) && date != [b'0'; 16] {
            return Uuid::Date(date);
        }
    }
    Uuid::None
}

/// A FAT's parameter block.
struct Fat {
    sector: u64,
    cluster: u64,
    /// Of the first FAT.
    table: u64,
    root: Root,
    boot_label: [u8; 11],
    serial: u32,
}

#[derive(Clone, Copy)]
enum Root {
    /// FAT12 and FAT16: offset and size.
    Fixed(u64, u64),
    /// FAT32: its first cluster, and the offset of cluster 2.
    Chain(u32, u64),
}

/// Clusters of a FAT32 root directory looked at for the volume entry, as many as libblkid looks at.
const MAX_ROOT_CLUSTERS: usize = 100;

const NO_NAME: &[u8; 11] = b"NO NAME    ";

impl Fat {
    fn of(start: &[u8]) -> Option<Fat> {
        let start: &[u8; 512] = start.first_chunk()?;
        let byte = |at: usize| start.get(at).copied().map(u64::from);
        let [sector, reserved, entries] = [half(start, 11)?, half(start, 14)?, half(start, 17)?].map(u64::from);
        let (sectors_to_cluster, tables, media) = (byte(13)?, byte(16)?, byte(21)?);
        let plausible = sector.is_power_of_two()
            && (512..=4096).contains(&sector)
            && sectors_to_cluster.is_power_of_two()
            && reserved > 0
            && (1..=4).contains(&tables)
            && (media == 0xF0 || media >= 0xF8)
            && start.get(510..512)? == [0x55, 0xAA];
        if !plausible {
            return None;
        }
        let small = half(start, 22)?;
        let table_size = u64::from(if small != 0 { small } else { word(start, 36)? });
        let total = u64::from(match half(start, 19)? {
            0 => word(start, 32)?,
            total => total,
        });
        let root = reserved + tables * table_size;
        let data = root + (entries * 32).div_ceil(sector);
        // NTFS and exFAT have zeros here; a boot sector without a file system does not add up.
        if table_size == 0 || data >= total || (small == 0) != (entries == 0) {
            return None;
        }
        let (root, extended) = match small {
            0 => (Root::Chain(word(start, 44)?, data * sector), 66),
            _ => (Root::Fixed(root * sector, entries * 32), 38),
        };
        // Without the extended boot signature there is neither serial number nor label.
        let (serial, boot_label) = match start.get(extended)? {
            0x28 => (word(start, extended + 1)?, *NO_NAME),
            0x29 => (word(start, extended + 1)?, field(start, extended + 5)?),
            _ => (0, *NO_NAME),
        };
        let (table, cluster) = (reserved * sector, sectors_to_cluster * sector);
        Some(Fat { sector, cluster, table, root, boot_label, serial })
    }

    fn superblock(&self, block: &mut Block<'_, '_>) -> Result<Superblock, Error> {
        let entry = match self.root {
            Root::Fixed(offset, size) => self.search(block, offset, size)?,
            Root::Chain(first, data) => self.search_chain(block, first, data)?,
        };
        let uuid = if self.serial == 0 { Uuid::None } else { Uuid::Serial(self.serial) };
        let name = match entry {
            Search::Found(name) => name,
            _ => self.boot_label,
        };
        let label = if name == *NO_NAME { Label::new() } else { label(&name) };
        Ok(Superblock { fstype: "vfat", label, uuid })
    }

    fn search_chain(&self, block: &mut Block<'_, '_>, first: u32, data: u64) -> Result<Search, Error> {
        const LAST: u32 = 0x0FFF_FFF7;
        let mut cluster = first & 0x0FFF_FFFF;
        for _ in 0..MAX_ROOT_CLUSTERS {
            if !(2..LAST).contains(&cluster) {
                break;
            }
            match self.search(block, data + u64::from(cluster - 2) * self.cluster, self.cluster)? {
                Search::GoesOn => {}
                over => return Ok(over),
            }
            let entry = self.table + u64::from(cluster) * 4;
            block.load(entry / self.sector * self.sector)?;
            cluster = word(block.loaded(), (entry % self.sector) as usize).unwrap_or(LAST) & 0x0FFF_FFFF;
        }
        Ok(Search::Over)
    }

    /// Looks for the volume entry in `size` bytes of directory.
    fn search(&self, block: &mut Block<'_, '_>, offset: u64, size: u64) -> Result<Search, Error> {
        const DIRECTORY_OR_VOLUME: u8 = 0x18;
        const VOLUME: u8 = 0x08;
        const DELETED: u8 = 0xE5;
        for at in (0..size).step_by(BLOCK) {
            block.load(offset + at)?;
            let size = (size - at).min(block.size as u64) as usize;
            for entry in block.bytes[..size].chunks_exact(32) {
                // A piece of a long name has the volume bit too, with all the low ones.
                let long_name = entry[11] & 0x0F == 0x0F;
                match entry[0] {
                    0 => return Ok(Search::Over),
                    DELETED => {}
                    first if entry[11] & DIRECTORY_OR_VOLUME == VOLUME && !long_name => {
                        let mut name: [u8; 11] = field(entry, 0).unwrap_or(*NO_NAME);
                        name[0] = if first == 0x05 { DELETED } else { first };
                        return Ok(Search::Found(name));
                    }
                    _ => {}
                }
            }
        }
        Ok(Search::GoesOn)
    }
}

enum Search {
    Found([u8; 11]),
    /// The directory has ended.
    Over,
    GoesOn,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn probed(image: &[u8]) -> Option<Superblock> {
        let found = probe(&mut |offset, out: &mut [u8]| {
            let rest = image.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(out.len());
            out[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        });
        found.unwrap()
    }

    fn shown(image: &[u8]) -> (&'static str, alloc::string::String, alloc::string::String) {
        let found = probed(image).unwrap();
        (found.fstype, found.label.as_str().into(), found.uuid.to_string())
    }

    fn image(pieces: &[(usize, &[u8])]) -> alloc::vec::Vec<u8> {
        let mut image = alloc::vec![0; 80 << 10];
        for (at, bytes) in pieces {
            image[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        image
    }

    const UUID: &[u8; 16] = b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";
    const UUID_TEXT: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn xfs_and_btrfs() {
        let xfs = image(&[(0, b"XFSB\0\0\x10\0"), (0x20, UUID), (0x6C, b"config-2")]);
        assert_eq!(shown(&xfs), ("xfs", "config-2".into(), UUID_TEXT.into()));
        let btrfs = image(&[(0x10040, b"_BHRfS_M"), (0x10020, UUID), (0x1012B, b"two words \0x")]);
        assert_eq!(shown(&btrfs), ("btrfs", "two words".into(), UUID_TEXT.into()));
        assert_eq!(probed(&btrfs[..0x10100]), None);
        let long = image(&[(0x10040, b"_BHRfS_M"), (0x1012B, &[0xFF; 256])]);
        assert_eq!(probed(&long).unwrap().label.chars().count(), MAX_LABEL / 3);
    }

    fn descriptor(kind: u8, label: &[u8], escape: &[u8]) -> alloc::vec::Vec<u8> {
        let mut bytes = alloc::vec![0; DESCRIPTOR];
        bytes[0] = kind;
        bytes[1..6].copy_from_slice(b"CD001");
        bytes[40..72].fill(b' ');
        bytes[40..40 + label.len()].copy_from_slice(label);
        bytes[88..88 + escape.len()].copy_from_slice(escape);
        bytes[813..829].copy_from_slice(b"2026013123595900");
        bytes[830..846].fill(b'0');
        bytes
    }

    #[test]
    fn iso9660_with_and_without_joliet() {
        let wide = |text: &str| {
            alloc::format!("{text:16}").encode_utf16().flat_map(u16::to_be_bytes).collect::<alloc::vec::Vec<u8>>()
        };
        for (primary, second, wanted) in [
            ("config-2", None, "config-2"),
            (" CONFIG_2 ", Some(""), "CONFIG_2"),
            ("CONFIG_2", Some("config-2"), "config-2"),
            ("CONFIG_2", Some("été"), "été"),
            ("ABCDEFGHIJKLMNOPQRST", Some("abcdefghijklmnop"), "abcdefghijklmnopQRST"),
            ("ABCDEFGHIJKLMNOPQRST", Some("other text of 16"), "other text of 16"),
        ] {
            let first = descriptor(1, primary.as_bytes(), b"");
            let boot = descriptor(0, b"", b"");
            let joliet = descriptor(2, &wide(second.unwrap_or("unused")), if second.is_some() { b"%/E" } else { b"" });
            let end = descriptor(255, b"", b"");
            let image = image(&[(32_768, &first), (34_816, &boot), (36_864, &joliet), (38_912, &end)]);
            assert_eq!(
                shown(&image),
                ("iso9660", wanted.into(), "2026-01-31-23-59-59-00".into()),
                "{primary} {second:?}"
            );
            assert_eq!(probed(&image[..34_815]), None, "cut inside the primary descriptor");
            assert_eq!(probed(&image[..34_816]).unwrap().label, primary.trim());
        }
    }

    #[test]
    fn nothing_is_nothing() {
        for size in [0, 1, 511, 512, 2047, 4096, 32_768, 65_536, 70_000] {
            assert_eq!(probed(&alloc::vec![0; size]), None);
            assert_eq!(probed(&alloc::vec![0xFF; size]), None);
        }
        // A partition table: its signature alone is no FAT.
        assert_eq!(probed(&image(&[(510, b"\x55\xAA"), (446, b"\x80")])), None);
    }
}
