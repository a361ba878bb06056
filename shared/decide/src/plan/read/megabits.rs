//! Rates as an operator writes them, in megabits per second, and as AWS takes them, in bits.

/// What the gateway's API takes, in bits per second: `API_BGW_BandwidthRateLimitInterval` in the
/// AWS Backup Developer Guide. Its console asks for more, 102 megabits; a plan need not.
const BITS_PER_S_MIN: u64 = 51_200;
const BITS_PER_S_MAX: u64 = 8_000_000_000_000;

/// The rate in bits per second, exactly; `None` when it is out of bounds or not a whole number of
/// bits.
pub(super) fn bits_per_s(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_plain(whole) || !is_plain(fraction) || fraction.len() > 6 {
        return None;
    }
    let millionths: u64 = format!("{fraction:0<6}").parse().ok()?;
    let bits = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(millionths)?;
    (BITS_PER_S_MIN..=BITS_PER_S_MAX).contains(&bits).then_some(bits)
}
