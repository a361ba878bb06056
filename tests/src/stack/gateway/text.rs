//! Reading queries and form bodies, as far as naming a request needs it.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;

/// The value of a name in a query or a form body, still encoded; empty for a name without a value.
pub(super) fn query_value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The text without percent escapes; bytes that are not UTF-8 are replaced.
pub(super) fn decoded(text: &str) -> String {
    let decoded: Cow<'_, str> = percent_decode_str(text).decode_utf8_lossy();
    decoded.into_owned()
}

/// XML in which each instant in such an element is so much earlier; what is no instant stays.
pub(super) fn dated_back(xml: &str, element: &str, by: SignedDuration) -> String {
    let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
    let mut pieces = xml.split(begin.as_str());
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (instant, rest) = piece.split_once(end.as_str()).unwrap_or((piece, ""));
        let earlier = instant.parse::<Timestamp>().and_then(|it| it.checked_sub(by));
        let earlier = earlier.map_or_else(|_| instant.to_owned(), |it| it.to_string());
        whole.extend([begin.as_str(), earlier.as_str(), end.as_str(), rest]);
    }
    whole
}
