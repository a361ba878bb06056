//! An Aviatrix controller by its own API: one address, an `action` that selects, and always 200 with
//! `{"return": …, "results": …, "reason": …}`. What it writes lies in `bucket`.
//!
//! The session and the token stand in no error: addresses are named without their query.

mod bucket;

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::Controllers;
use warmspare_decide::aviatrix::{Call, Config, Listing, Order, Said, Sealed, Written};
use warmspare_decide::plan::Controller;

use crate::Live;
use crate::vault::ObjectBody;
use crate::{secrets, web};

/// For the whole of a small call.
const CALL: Duration = Duration::from_secs(20);
/// For a request for a backup, which may be answered when that is done.
const ORDER: Duration = Duration::from_secs(60);
/// The most of an answer that is read.
const SAID_BYTES_MAX: usize = 256 << 10;
const DURING: &str = "calling the controller";
/// What is not written as it is in a form.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

impl Controllers for Live {
    type File = ObjectBody;

    async fn call(&self, controller: &Controller, call: &Call) -> Result<Said, Fault> {
        Box::pin(ask(self, controller, call)).await
    }

    async fn written(&self, controller: &Controller) -> Result<Listing, Fault> {
        Box::pin(bucket::written(self, controller)).await
    }

    async fn open_written(
        &self,
        controller: &Controller,
        file: &Written,
    ) -> Result<ObjectBody, Fault> {
        Box::pin(bucket::open(self, controller, file)).await
    }
}

async fn ask(live: &Live, controller: &Controller, call: &Call) -> Result<Said, Fault> {
    let endpoint = &controller.endpoint;
    let client = live.web().client(endpoint.tls_pin)?;
    let base = endpoint.url.trim_end_matches('/');
    let (v1, v2) = (format!("{base}/v1/api"), format!("{base}/v2/api"));
    let request = match call {
        Call::Token => client.get(format!("{v2}?action=get_api_token")).timeout(CALL),
        Call::Login { token } => {
            let request = client.post(&v2).timeout(CALL);
            login(live, controller, request, token.as_ref()).await?
        }
        Call::ReadConfig { cid } => {
            let query = encoded(&[("action", "get_cloudn_backup_config"), ("CID", &cid.0)]);
            client.get(format!("{v2}?{query}")).timeout(CALL)
        }
        // The first version of the API is the one of which it is known that it takes `now`.
        Call::Backup { cid, order } => client
            .post(&v1)
            .timeout(ORDER)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(cid, order)),
    };
    let answer = request.send().await.map_err(|error| web::fault(DURING, &endpoint.url, error))?;
    let body = body(&endpoint.url, answer).await?;
    said(&body).ok_or_else(|| {
        let why = "it answered 200 with something that is not the JSON of its API";
        Fault::new(Hope::Retryable, DURING, web::without_query(&endpoint.url), why)
    })
}

async fn login(
    live: &Live,
    controller: &Controller,
    request: RequestBuilder,
    token: Option<&Sealed>,
) -> Result<RequestBuilder, Fault> {
    let Some(secret) = &controller.endpoint.secret else {
        let why = "the plan names no secret";
        return Err(Fault::new(Hope::Permanent, DURING, &controller.endpoint.url, why));
    };
    let login = secrets::login(live, secret).await?;
    let said = json!({
        "action": "login",
        "username": login.username,
        "password": login.password,
    });
    let request = request.header(CONTENT_TYPE, "application/json").body(said.to_string());
    Ok(match token {
        Some(token) => request.header("X-Access-Key", &token.0),
        None => request,
    })
}

/// `enable_cloudn_backup_config`, in the words of the vendor's own clients.
fn form(cid: &Sealed, order: &Order) -> String {
    let mut fields = vec![
        ("action", "enable_cloudn_backup_config"),
        ("CID", cid.0.as_str()),
        ("cloud_type", &order.cloud_type),
        ("account_name", &order.account),
        ("bucket_name", &order.bucket),
    ];
    if !order.region.is_empty() {
        fields.push(("region", &order.region));
    }
    if order.multiple {
        fields.push(("multiple", "true"));
    }
    if order.now {
        fields.push(("now", "true"));
    }
    encoded(&fields)
}

async fn body(url: &str, mut answer: Response) -> Result<Vec<u8>, Fault> {
    let subject = web::without_query(url);
    let status = answer.status().as_u16();
    if status != 200 {
        let hope = match status {
            408 | 429 | 500.. => Hope::Retryable,
            _ => Hope::Permanent,
        };
        let why = format!("it answered {status}, where 200 was expected");
        return Err(Fault::new(hope, DURING, subject, why));
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| web::fault(DURING, url, error))? {
        body.extend_from_slice(&piece);
        if body.len() > SAID_BYTES_MAX {
            let why = format!("it answered with more than {SAID_BYTES_MAX} bytes");
            return Err(Fault::new(Hope::Retryable, DURING, subject, why));
        }
    }
    Ok(body)
}

/// An answer without a `return` is not one of this API.
fn said(body: &[u8]) -> Option<Said> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let results = answer.get("results");
    Some(Said {
        is_done: answer.get("return")?.as_bool()?,
        reason: text(answer.get("reason")),
        token: sealed(results.and_then(|results| results.get("api_token"))),
        cid: sealed(answer.get("CID")),
        config: results.filter(|results| results.is_object()).map(config),
    })
}

fn config(results: &Value) -> Config {
    let field = |name: &str| text(results.get(name));
    let is_yes = |name: &str| matches!(field(name).as_str(), "yes" | "true");
    Config {
        enabled: is_yes("enabled"),
        cloud_type: field("cloud_type"),
        account: field("acct_name"),
        bucket: field("bucket_name"),
        region: field("region"),
        multiple: is_yes("multiple_bkup"),
    }
}

/// A text, or a number or a truth as one: the API is not of one mind about it.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(other @ (Value::Number(_) | Value::Bool(_))) => other.to_string(),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => String::new(),
    }
}

fn sealed(value: Option<&Value>) -> Option<Sealed> {
    value.and_then(Value::as_str).map(|text| Sealed(text.to_owned()))
}

/// As `application/x-www-form-urlencoded`, in which a query is written too.
fn encoded(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| {
        let value = utf8_percent_encode(value, &ESCAPED);
        format!("{name}={value}")
    });
    fields.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests;
