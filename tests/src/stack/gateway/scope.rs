//! Who calls which service in which region, as the SigV4 credential scope of a request says it.
//! Nothing is verified here: MiniStack checks the signature.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::text::{decoded, query_value};

/// The credential scope of a request; empty strings for a request that is not signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) service: String,
}

impl Scope {
    /// From the Authorization header, else from the query of a presigned URL.
    pub(super) fn of(headers: &HeaderMap, query: &str) -> Self {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        header
            .and_then(|value| value.split_once("Credential="))
            .and_then(|(_, rest)| rest.split([',', ' ']).next())
            .map(str::to_owned)
            .or_else(|| query_value(query, "X-Amz-Credential").map(decoded))
            .and_then(|credential| Self::parse(&credential))
            .unwrap_or_default()
    }

    /// `AKID/20260101/us-east-1/s3/aws4_request`. An access key may itself hold slashes: count from
    /// the end.
    fn parse(credential: &str) -> Option<Self> {
        let mut parts = credential.rsplitn(5, '/');
        let (_end, service) = (parts.next()?, parts.next()?);
        let (region, _date) = (parts.next()?, parts.next()?);
        Some(Self {
            access_key: parts.next()?.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}
