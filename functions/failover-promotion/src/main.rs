//! The Lambda binary `failover-promotion`.
fn main() {}
