//! warmspare aws
