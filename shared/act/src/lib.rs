//! warmspare act
