//! Writing documents: JSON and YAML.
