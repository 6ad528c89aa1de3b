//! Reading the layers of the configuration.
