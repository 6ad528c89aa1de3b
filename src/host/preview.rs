//! The host of `wisp plan`: reads the real machine, writes to an overlay, prints.
