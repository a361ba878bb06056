//! What is read by one GET.

use super::Endpoint;

/// For how long an answer is waited for where the plan does not say it, in seconds.
pub const TIMEOUT_S: u64 = 60;
/// The most that is read where the plan does not say it, in bytes: 64 GiB, which takes most of a run at
/// 700 megabits per second.
pub const BYTES_MAX: u64 = 64 << 30;

/// An address that answers a GET with what is backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// The address.
    pub endpoint: Endpoint,
    /// For how long it may say nothing, in seconds: before its answer begins, and within it.
    pub timeout_s: u64,
    /// A longer answer is refused, in bytes.
    pub bytes_max: u64,
}
