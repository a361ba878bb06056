//! A request of the Query protocol, taken apart. It does not check signatures.

use std::collections::BTreeMap;

use super::refusal::Refusal;

/// The only version of the API there is.
const VERSION: &str = "2014-10-31";

/// One call: which action, in which region, by whose key, with which parameters.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) action: String,
    pub(super) region: String,
    pub(super) access_key: String,
    parameters: BTreeMap<String, String>,
}

/// One filter of a Describe action.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

impl Filter {
    pub(super) fn admits(&self, value: &str) -> bool {
        self.values.iter().any(|allowed| allowed == value)
    }
}

impl Call {
    /// Reads the region and the access key from the credential scope of SigV4, because one server
    /// stands for the endpoints of all regions.
    pub(super) fn parse(authorization: Option<&str>, body: &[u8]) -> Result<Self, Refusal> {
        let (access_key, region) = authorization.and_then(scope).ok_or_else(Refusal::unsigned)?;
        let parameters: BTreeMap<String, String> =
            form_urlencoded::parse(body).into_owned().collect();
        let action = parameters.get("Action").cloned().unwrap_or_default();
        match parameters.get("Version").map(String::as_str) {
            Some(VERSION) => Ok(Self { action, region, access_key, parameters }),
            Some(other) => Err(Refusal::action(&action, other)),
            None => Err(Refusal::missing_parameter("Version")),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn needed(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing_parameter(name))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse();
        number.map(Some).map_err(|_| Refusal::value(format!("{name} must be a number: {text}")))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Refusal::value(format!("{name} must be true or false: {other}"))),
        }
    }

    /// The values under `prefix.1`, `prefix.2`, … up to the first gap, as AWS reads a list.
    pub(super) fn list(&self, prefix: &str) -> Vec<String> {
        let at = |n: usize| self.parameters.get(&format!("{prefix}.{n}")).cloned();
        (1..).map_while(at).collect()
    }

    pub(super) fn tags(&self) -> Vec<(String, String)> {
        let at = |n: usize| {
            let key = self.parameters.get(&format!("Tags.Tag.{n}.Key"))?;
            let value = self.parameters.get(&format!("Tags.Tag.{n}.Value"));
            Some((key.clone(), value.cloned().unwrap_or_default()))
        };
        (1..).map_while(at).collect()
    }

    /// The filters, of which each must be one of `known`.
    pub(super) fn filters(&self, known: &[&str]) -> Result<Vec<Filter>, Refusal> {
        let at = |n: usize| {
            let name = self.parameters.get(&format!("Filters.Filter.{n}.Name"))?.clone();
            let values = self.list(&format!("Filters.Filter.{n}.Values.Value"));
            Some(Filter { name, values })
        };
        let filters: Vec<Filter> = (1..).map_while(at).collect();
        match filters.iter().find(|filter| !known.contains(&filter.name.as_str())) {
            None => Ok(filters),
            Some(other) => Err(Refusal::value(format!("Unrecognized filter name: {}", other.name))),
        }
    }

    /// One page of `items`, and the marker of the next. `MaxRecords` is 20 to 100, 100 if unset.
    pub(super) fn page<T>(&self, items: Vec<T>) -> Result<(Vec<T>, Option<String>), Refusal> {
        let records_max = self.number("MaxRecords")?.unwrap_or(100);
        if !(20..=100).contains(&records_max) {
            let message =
                format!("Invalid value {records_max} for MaxRecords. Must be between 20 and 100");
            return Err(Refusal::value(message));
        }
        let start: usize = match self.text("Marker") {
            None => 0,
            Some(marker) => {
                marker.parse().map_err(|_| Refusal::value(format!("Invalid marker: {marker}")))?
            }
        };
        let size = usize::try_from(records_max).unwrap_or(usize::MAX);
        let next = start.saturating_add(size);
        let marker = (next < items.len()).then(|| next.to_string());
        Ok((items.into_iter().skip(start).take(size).collect(), marker))
    }
}

/// Access key and region of a header such as
/// `AWS4-HMAC-SHA256 Credential=KEY/20261121/us-east-1/rds/aws4_request, …`.
fn scope(authorization: &str) -> Option<(String, String)> {
    let (_, rest) = authorization.split_once("Credential=")?;
    let credential = rest.split([',', ' ']).next()?;
    let mut parts = credential.split('/');
    let access_key = parts.next()?.to_owned();
    let _day = parts.next()?;
    let region = parts.next()?.to_owned();
    (parts.next() == Some("rds")).then_some((access_key, region))
}
