//! The Lambda binary `verify-upload`.
fn main() {}
