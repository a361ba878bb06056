//! A page of keys, as ListObjectsV2 gives it:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::super::objects::Objects;
use super::etag;

/// Keys of a race need no encoding.
pub(super) fn of(objects: &Objects, query: &HashMap<String, String>) -> String {
    let asked = |name: &str| query.get(name).map_or("", String::as_str);
    let max = asked("max-keys").parse().unwrap_or(1_000);
    let after = asked("start-after").max(asked("continuation-token"));
    let (page, is_truncated) = objects.page(asked("prefix"), after, max);
    let mut text = format!("<ListBucketResult><IsTruncated>{is_truncated}</IsTruncated>");
    if let (true, Some((last, _))) = (is_truncated, page.last()) {
        let _ = write!(text, "<NextContinuationToken>{last}</NextContinuationToken>");
    }
    for (key, passed) in &page {
        let etag = etag(*passed).replace('"', "&quot;");
        let size = passed.length_bytes;
        let _ = write!(
            text,
            "<Contents><Key>{key}</Key><ETag>{etag}</ETag><Size>{size}</Size></Contents>"
        );
    }
    text + "</ListBucketResult>"
}
