//! Empty: the programs are put beside it. See Cargo.toml.
