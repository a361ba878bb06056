//! Reading queries and form bodies, as far as naming a request needs it.

use std::borrow::Cow;

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
