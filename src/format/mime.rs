//! MIME messages (RFC 2045 to 2047, 2231, 5322).
