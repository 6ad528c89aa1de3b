//! [`Gather`]: a list of what an iterator gives.

use alloc::vec::Vec;

/// `collect` into a list, where size counts more than the last nanosecond: one loop that pushes. `collect` takes the first item by itself,
/// with the iterator's whole chain a second time, asks for a capacity, and grows in a loop of its own: 100 bytes and more at each place.
pub trait Gather: Iterator + Sized {
    /// All items, in order.
    fn gather(self) -> Vec<Self::Item> {
        let mut items = Vec::new();
        for item in self {
            items.push(item);
        }
        items
    }
}

impl<I: Iterator> Gather for I {}
