//! Where buckets are.

use super::TlsPin;
use crate::name::{Region, SecretArn};

/// A bucket of any store that speaks S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The store's address, when it is not AWS; without query or last `/`. A bucket is then a part of the
    /// path, and not of the host's name.
    pub endpoint: Option<String>,
    /// The bucket's name.
    pub bucket: String,
    /// Only keys that start so; empty means all.
    pub prefix: String,
    /// The Region that requests are signed for. Without it: that of the vault, and `us-east-1`, MinIO's
    /// own default, where there is an endpoint.
    pub region: Option<Region>,
    /// Holds `{"access_key_id": …, "secret_access_key": …}`; without it the function asks in its own
    /// name.
    pub secret: Option<SecretArn>,
    /// The only public key that is believed, if the operator gave one.
    pub tls_pin: Option<TlsPin>,
}
