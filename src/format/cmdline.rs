//! The kernel command line (Documentation/admin-guide/kernel-parameters.rst).
