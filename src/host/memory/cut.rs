//! What reaches the disk: on request ([`FileSystem::settle`]), and when the power goes ([`FileSystem::cut`]).

use alloc::collections::BTreeSet;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::super::write::parent;
use super::disk::{Disk, Object, Op};
use super::files::FileSystem;

/// A small generator of numbers (xorshift64*): the same seed gives the same sequence.
pub(super) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        // Neighbouring seeds start far apart, and never at zero, where the generator would stay.
        Dice((seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to `bound - 1`.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }
}

impl FileSystem {
    /// Puts on the disk all that is on its way there for these objects, with what those operations stand on: earlier ones on
    /// the same objects, and the directories above.
    pub(super) fn settle(&mut self, mut wanted: BTreeSet<Object>) {
        for object in wanted.clone() {
            want_parents(&mut wanted, &object);
        }
        let mut chosen = Vec::new();
        for op in self.journal.iter().rev() {
            let objects = op.objects();
            let choose = objects.iter().any(|object| wanted.contains(object));
            if choose {
                for object in objects {
                    want_parents(&mut wanted, &object);
                    wanted.insert(object);
                }
            }
            chosen.push(choose);
        }
        for op in core::mem::take(&mut self.journal) {
            if chosen.pop() == Some(true) {
                self.durable.apply(&op);
            } else {
                self.journal.push(op);
            }
        }
    }

    /// The disk after the power went: what was durable, and of the rest whatever `seed` chooses, each object's
    /// operations in order up to some point. Names and data are different objects: a file may arrive without its content, or cut short,
    /// or with the mode it was made with. Seed 0: nothing of the rest. Seed 1: all names, no data. Seed 2: everything.
    pub(super) fn cut(&self, seed: u64) -> Disk {
        let mut disk = self.durable.clone();
        let mut dice = Dice::new(seed);
        let odds = [1, 4, 8, 12, 15][dice.below(5) as usize];
        let mut stopped = BTreeSet::new();
        for op in &self.journal {
            let objects = op.objects();
            let held_up = objects.iter().any(|object| stopped.contains(object));
            let arrives = match seed {
                0 => false,
                1 => !matches!(op, Op::Data { .. }),
                2 => true,
                _ => dice.below(16) < odds,
            };
            if !held_up && arrives && disk.apply(op) {
                continue;
            }
            if let Op::Data { inode, bytes } = op
                && !held_up
                && seed > 2
            {
                let length = dice.below(bytes.len() as u64 + 1) as usize;
                disk.apply(&Op::Data { inode: *inode, bytes: Rc::new(bytes[..length].to_vec()) });
            }
            stopped.extend(objects);
        }
        disk
    }
}

fn want_parents(wanted: &mut BTreeSet<Object>, object: &Object) {
    let Object::Name(path) = object else { return };
    let mut dir = parent(path);
    while dir != "/" && wanted.insert(Object::Name(dir.into())) {
        dir = parent(dir);
    }
}
