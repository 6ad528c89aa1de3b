//! The host of the tests: files in memory, volatile and durable state apart, faults on demand.
