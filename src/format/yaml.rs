//! A YAML 1.1 subset into a Doc, as PyYAML's safe loader reads it.
