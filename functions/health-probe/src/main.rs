//! The Lambda binary `health-probe`.
fn main() {}
