//! The Lambda binary `scheduled-backup`.
fn main() {}
