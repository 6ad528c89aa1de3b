//! Base64 (RFC 4648 section 4) as a streaming reader and a writer.
