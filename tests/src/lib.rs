//! What the tests of warmspare stand on: the local stack, and later the simulated world and the
//! drill. No function and no library of warmspare depends on it.

pub mod drill;
pub mod scene;
pub mod stack;
