//! User names and passwords from Secrets Manager. They are held no longer than a call needs them,
//! and appear in no error.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::name::SecretArn;

use crate::Live;
use crate::fault::fault;

/// What opens a system.
#[derive(Clone, Deserialize)]
pub(crate) struct Login {
    /// Who.
    pub(crate) username: String,
    /// Never shown.
    pub(crate) password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Reads a secret of the form `{"username": …, "password": …}`, in the secret's own Region. Not
/// kept: a rotated secret counts from the next call on.
pub(crate) async fn login(live: &Live, secret: &SecretArn) -> Result<Login, Fault> {
    read(live, secret, "{\"username\": …, \"password\": …}").await
}

/// The same of a secret of another form, which the sentence says when it is not so.
pub(crate) async fn read<T: DeserializeOwned>(
    live: &Live,
    secret: &SecretArn,
    form: &str,
) -> Result<T, Fault> {
    const DURING: &str = "reading the secret";
    let region = secret.as_str().split(':').nth(3).unwrap_or_default();
    let client = live.clients().secrets(region);
    let answer = Box::pin(client.get_secret_value().secret_id(secret.as_str()).send())
        .await
        .map_err(|error| fault(DURING, secret.as_str(), error))?;
    // The parser's own words would quote what it could not parse.
    answer.secret_string().and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| {
        let why = format!("it is not JSON of the form {form}");
        Fault::new(Hope::Permanent, DURING, secret.as_str(), why)
    })
}
