//! File system type and label from the first bytes of a device.
