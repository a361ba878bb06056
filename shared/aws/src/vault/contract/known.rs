//! Where a server answers differently from AWS. The page of AWS that decides is the case's.
//!
//! What follows for the stories on the local stack: that `latest/` is only ever swapped, that a key's state
//! reaches S3, that a bucket's owner is compared, that absence is not told to those who may not list, and that
//! an ETag is used up by the same bytes too are shown in the simulated world and by recorded exchanges. Not one
//! of these is shown by a story.

/// MiniStack as PyPI has it.
pub(super) const PUBLISHED: &str = "MiniStack";
/// MiniStack as the local stack runs it (`tests/python/mended.py`).
pub(super) const MENDED: &str = "MiniStack, mended";
/// moto's server.
pub(super) const MOTO: &str = "moto";

/// One difference.
pub(super) struct Known {
    pub(super) server: &'static str,
    pub(super) case: &'static str,
    /// What the server does instead.
    pub(super) instead: &'static str,
}

/// Server, case, and what the server does instead.
macro_rules! known {
    ($($($server:ident)|+: $case:literal => $instead:literal,)*) => {
        pub(super) const KNOWN: &[Known] =
            &[$($(Known { server: $server, case: $case, instead: $instead },)+)*];
    };
}

// All three: no condition on the target of a copy, no look at the key, no owner, no permission to list.
known! {
    PUBLISHED | MENDED | MOTO: "copy_over_exactly" => "written, written, written, written",
    PUBLISHED | MENDED | MOTO: "a_bucket_of_somebody_else" => "absent, written",
    PUBLISHED | MENDED | MOTO: "a_key_that_may_not_be_listed" => "absent, absent",
    PUBLISHED | MENDED | MOTO: "a_key_that_is_not_there" => "stored",
    PUBLISHED | MENDED | MOTO: "write_under_a_disabled_key" => "stored",
    PUBLISHED | MENDED | MOTO: "read_under_a_disabled_key" => "read",
    PUBLISHED | MENDED | MOTO: "etag_of_what_is_encrypted" => "its MD5",

    // None has the key that AWS manages for S3, or says which key it took where none was named.
    PUBLISHED | MENDED: "without_a_key_of_ours" => "AES256, no key of aws/s3",
    MOTO: "without_a_key_of_ours" => "AES256, not as aws:kms was asked",

    PUBLISHED | MENDED: "a_bucket_key" => "not said",
    PUBLISHED | MENDED: "delete_exactly" => "deleted, absent, its version is read, tagged ",
    PUBLISHED: "checksum_of_parts" => "BadDigest",
    PUBLISHED: "a_part_that_is_too_small" => "BadDigest, absent",
    MENDED: "a_part_that_is_too_small" => "completed, here",

    // moto knows no permissions here. It keeps the checksum of an object only if a second header names its kind,
    // keeps a CRC-32 under the name of CRC64NVME where it computes one itself, and compares none.
    MOTO: "a_caller_whom_nobody_knows" => "absent, absent",
    MOTO: "delete_without_permission" => "deleted",
    MOTO: "checksum_of_one_request" => "9 bytes, none, of no kind",
    MOTO: "checksum_of_nothing" => "0 bytes, none, of no kind",
    MOTO: "checksum_of_parts" => "S3 holds 5242881 bytes with the checksum 2tJtyA==, where \
        5242881 bytes with that of the whole were sent",
    MOTO: "checksum_of_a_copy" => "9 bytes, y/Q5Jg==, of no kind",
    MOTO: "copy_an_older_version" => "the answer broke off: body checksum mismatch. expected body checksum to be \
        7a6c86f1 but it was b1499e0aaacb3bb3, of the slot, under the plan's key",
    MOTO: "a_wrong_checksum" => "stored, here",
    MOTO: "a_wrong_checksum_of_a_part" => "taken",
    MOTO: "a_wrong_checksum_of_the_whole" => "completed, here",
    MOTO: "a_wrong_size_of_the_whole" => "completed, here",
    MOTO: "an_upload_before_its_end" => "not listed, absent, and under way since 2010-11-10T20:48:33Z",
}
