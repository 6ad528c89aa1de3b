//! JSON (RFC 8259) into a Doc.
