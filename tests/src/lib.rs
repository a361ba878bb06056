//! warmspare tests
