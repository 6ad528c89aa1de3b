//! The binary's heap: small blocks cut from a few large pieces, large ones straight from the kernel.
//!
//! A stage lives for a millisecond and allocates some tens of KiB. A general allocator asks the kernel for memory in
//! pieces of a page, gives them back, and takes a page fault for each: that was a third of a stage's time. Here the first piece is
//! part of the program (`.bss`), and freed blocks are kept for their size class. Blocks above [`LARGE`] are mappings of their own, grown
//! with mremap(2), so that a large text or node table is never held twice.
//!
//! Memory that cannot be had ends the process as a crash does (`crash`), not by abort(3): see `isolate`.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{self, null_mut};

/// The first piece, of which only what is used becomes memory: what a stage with 16 KiB of user-data needs, about.
const FIRST: usize = 128 << 10;
/// Further pieces.
const PIECE: usize = 256 << 10;
/// Blocks above this are mappings of their own.
const LARGE: usize = 32 << 10;
/// Every block's alignment and least size.
const UNIT: usize = 16;
/// Classes: two a power of two, from [`UNIT`] to [`LARGE`].
const CLASSES: usize = 23;

/// The allocator. There is one, in `main.rs`.
pub struct Heap {
    state: UnsafeCell<State>,
}

/// In this order, and pieces are cut from their ends: the blocks of a short stage, this table and what the C library keeps in `.bss` behind
/// it stand side by side, on fewer pages.
#[repr(C, align(16))]
struct State {
    first: [u8; FIRST],
    /// Where the last block that was cut begins.
    next: *mut u8,
    /// What is left in front of it.
    left: usize,
    started: bool,
    /// Freed blocks of each class, each with the address of the next one in it.
    free: [*mut u8; CLASSES],
}

// SAFETY: the process has one thread (see `sys`); a child that shares its memory runs while the parent waits.
unsafe impl Sync for Heap {}

impl Heap {
    /// Without any memory yet.
    pub const fn new() -> Self {
        Heap {
            state: UnsafeCell::new(State {
                first: [0; FIRST],
                next: null_mut(),
                left: 0,
                started: false,
                free: [null_mut(); CLASSES],
            }),
        }
    }
}

/// The class that holds `size` bytes, and the size of its blocks: 16, 24 → 32, 32, 48, 64, 96, …
fn class(size: usize) -> (usize, usize) {
    let size = size.max(UNIT);
    let power = usize::BITS - (size - 1).leading_zeros();
    let whole = 1usize << power;
    let middle = whole / 4 * 3;
    let class = 2 * (power as usize - UNIT.trailing_zeros() as usize);
    // Between two powers; blocks of 24 bytes would not keep the alignment.
    if size <= middle && middle.is_multiple_of(UNIT) { (class - 1, middle) } else { (class, whole) }
}

fn pages(size: usize) -> usize {
    size.next_multiple_of(4096)
}

impl State {
    /// `size` bytes from the piece in use, or from a new one.
    ///
    /// # Safety
    /// `size` is a multiple of [`UNIT`] and at most [`LARGE`].
    unsafe fn cut(&mut self, size: usize) -> *mut u8 {
        if self.left < size {
            let (piece, length) = if self.started {
                // SAFETY: as `map` says.
                (unsafe { map(PIECE) }, PIECE)
            } else {
                (self.first.as_mut_ptr(), FIRST)
            };
            self.started = true;
            // SAFETY: the end of the piece.
            (self.next, self.left) = (unsafe { piece.add(length) }, length);
        }
        // SAFETY: `size` bytes are left in front of it.
        self.next = unsafe { self.next.sub(size) };
        self.left -= size;
        self.next
    }
}

/// A fresh mapping of `size` bytes.
///
/// # Safety
/// None beyond mmap(2)'s; it never returns without memory.
unsafe fn map(size: usize) -> *mut u8 {
    let (read_write, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing of ours.
    let at = unsafe { libc::mmap(null_mut(), pages(size), read_write, private, -1, 0) };
    if at == libc::MAP_FAILED { out_of_memory() } else { at.cast() }
}

/// Ends this process, and not one that shares its memory, with the words of a crash.
fn out_of_memory() -> ! {
    let _ = super::files::full_write(rustix::stdio::stderr(), b"wisp: out of memory\n");
    super::crash::die();
}

// SAFETY: blocks do not overlap, are as large as asked for and aligned to UNIT, which covers every layout in this program
// (larger alignments are refused as memory that cannot be had).
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > UNIT {
            return null_mut();
        }
        if layout.size() > LARGE {
            // SAFETY: as `map` says.
            return unsafe { map(layout.size()) };
        }
        let (class, size) = class(layout.size());
        // SAFETY: one thread; a freed block holds the address of the next one.
        unsafe {
            let state = &mut *self.state.get();
            let block = state.free[class];
            if block.is_null() {
                return state.cut(size);
            }
            state.free[class] = block.cast::<*mut u8>().read();
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() > LARGE {
            // SAFETY: the mapping that `alloc` or `realloc` made.
            unsafe { libc::munmap(block.cast(), pages(layout.size())) };
            return;
        }
        let (class, _) = class(layout.size());
        // SAFETY: one thread; the block is at least an address long and nobody's any more.
        unsafe {
            let state = &mut *self.state.get();
            block.cast::<*mut u8>().write(state.free[class]);
            state.free[class] = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let old = layout.size();
        if old > LARGE && size > LARGE {
            // SAFETY: the block is a mapping of its own; the kernel moves it if it must.
            let at = unsafe { libc::mremap(block.cast(), pages(old), pages(size), libc::MREMAP_MAYMOVE) };
            return if at == libc::MAP_FAILED { out_of_memory() } else { at.cast() };
        }
        if old <= LARGE && size <= LARGE && class(old) == class(size) {
            return block;
        }
        // SAFETY: a new block, and as much of the old one as both have.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            ptr::copy_nonoverlapping(block, new, old.min(size));
            self.dealloc(block, layout);
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_are_for() {
        for size in 0..=LARGE {
            let (number, block) = class(size);
            assert!(block >= size && block % UNIT == 0 && number < CLASSES, "{size}: class {number} of {block}");
            assert!(size < 32 || block <= size + size / 2, "{size}: {block}");
            assert_eq!(class(block), (number, block), "{size}");
        }
    }

    #[test]
    fn blocks_keep_their_content() {
        let heap = Heap::new();
        let layout = |size| Layout::from_size_align(size, 8).unwrap();
        // SAFETY: every block is used within its layout and freed with it.
        unsafe {
            let mut block = heap.alloc(layout(10));
            for (at, byte) in b"0123456789".iter().enumerate() {
                block.add(at).write(*byte);
            }
            let mut size = 10;
            for next in [17, 100, 30_000, 40_000, 5_000_000, 50_000, 1_000, 10] {
                block = heap.realloc(block, layout(size), next);
                size = next;
                assert_eq!(core::slice::from_raw_parts(block, 10), b"0123456789", "{next}");
            }
            heap.dealloc(block, layout(size));
            assert_eq!(heap.alloc(layout(12)), block, "a freed block is used again");
            assert!(heap.alloc(Layout::from_size_align(64, 64).unwrap()).is_null());
        }
    }
}
