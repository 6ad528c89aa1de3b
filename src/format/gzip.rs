//! gzip (RFC 1952) as a streaming reader.
