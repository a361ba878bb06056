//! Nothing of its own: the proof is the test target of this package.
