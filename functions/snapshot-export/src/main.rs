//! The Lambda binary `snapshot-export`.
fn main() {}
