//! What is said about a controller that did not do it.

use jiff::Timestamp;

use super::{Asked, Declined, Listing, State, file};
use crate::plan::Controller;

/// The most of a controller's own words that is repeated, in characters.
const REASON_CHARACTERS_MAX: usize = 300;

/// A `return: false`, with the reason that the controller gave.
pub(super) fn declined(action: &str, reason: &str, is_final: bool) -> Declined {
    let reason: String =
        reason.trim().trim_end_matches('.').chars().take(REASON_CHARACTERS_MAX).collect();
    let why = match reason.as_str() {
        "" => format!("it answered {action} with 200 and return:false, without a reason"),
        reason => format!("it answered {action} with 200 and return:false: {reason}"),
    };
    Declined { is_final, why }
}

/// That no file has come.
pub(super) fn nothing(
    controller: &Controller,
    since: Timestamp,
    state: &State,
    listing: &Listing,
    waited_s: u64,
    left_s: u64,
) -> String {
    let asked = match &state.asked {
        Some(Asked { unsure: None, .. }) => format!("it took the request {waited_s} s ago"),
        Some(Asked { unsure: Some(why), .. }) => {
            format!("it was asked {} time(s), {waited_s} s ago last, and {why}", state.asks)
        }
        None => format!("{left_s} s are left, which is too little to ask it"),
    };
    let newest = file::of(controller, listing).max_by_key(|(_, file)| file.written_at);
    let newest = match newest {
        Some((_, file)) if file.size_bytes == 0 && file.written_at >= since => {
            format!("{} is empty", file.key)
        }
        Some((_, file)) => format!("the newest is {} of {}", file.key, file.written_at),
        None => "none is there".to_owned(),
    };
    format!(
        "{asked}, and no backup since {since} lies in s3://{}/{}: of {} object(s) {newest}",
        controller.bucket,
        controller.prefix,
        listing.files.len()
    )
}

/// Seconds from one instant to a later one.
pub(super) fn between_s(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0)
}
