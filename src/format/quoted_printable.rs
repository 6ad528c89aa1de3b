//! Quoted-printable (RFC 2045 section 6.7) as a streaming reader.
