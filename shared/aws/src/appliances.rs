//! Telling an appliance to be production or standby, by its own API.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::IgnoredAny;
use warmspare_act::fault::{Fault, Hope};
use warmspare_act::ports::{ApplianceMode, Appliances};
use warmspare_decide::plan::{Appliance, Call, Endpoint};

use crate::Live;
use crate::web;

/// For the whole of one call. An appliance that takes longer has not confirmed anything.
const CALL: Duration = Duration::from_secs(20);
/// The most of an answer that is read.
const SAID_BYTES_MAX: usize = 64 << 10;
const DURING: &str = "setting the mode of";

impl Appliances for Live {
    async fn set_mode(&self, appliance: &Appliance, mode: ApplianceMode) -> Result<(), Fault> {
        match appliance {
            Appliance::Device42(endpoint) => Box::pin(device42(self, endpoint, mode)).await,
            Appliance::Http { endpoint, promote, fence } => {
                let call = match mode {
                    ApplianceMode::Production => promote,
                    ApplianceMode::Standby => fence,
                };
                Box::pin(spelled_out(self, endpoint, call)).await
            }
            Appliance::Aviatrix(endpoint) => Err(not_built(endpoint, "an Aviatrix controller")),
            Appliance::HabitatBuilder(endpoint) => Err(not_built(endpoint, "a Habitat Builder")),
        }
    }
}

/// `POST /api/1.0/appliancemode/`. The answer is documented as JSON and no more, so a 2xx with any
/// JSON, or with nothing, is taken as accepted, and whether it was done is seen by the health
/// signals. A page that a proxy made is not the appliance's word.
async fn device42(live: &Live, endpoint: &Endpoint, mode: ApplianceMode) -> Result<(), Fault> {
    let url = format!("{}/api/1.0/appliancemode/", endpoint.url.trim_end_matches('/'));
    let body = match mode {
        ApplianceMode::Production => "appliance_mode=production",
        ApplianceMode::Standby => "appliance_mode=standby",
    };
    let ask = |client: &Client| {
        client
            .post(&url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
    };
    let answer = call(live, endpoint, &url, ask).await?;
    if !answer.status().is_success() {
        return Err(unwanted(&url, &answer, "a 2xx"));
    }
    let said = said(&url, answer).await?;
    if said.is_empty() || serde_json::from_slice::<IgnoredAny>(&said).is_ok() {
        return Ok(());
    }
    let why = "it answered a 2xx with something that is not JSON";
    Err(Fault::new(Hope::Retryable, DURING, web::without_query(&url), why))
}

/// What was answered, up to a limit: more than that is not what an appliance says to this.
async fn said(url: &str, mut answer: Response) -> Result<Vec<u8>, Fault> {
    let mut said = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| web::fault(DURING, url, error))? {
        said.extend_from_slice(&piece);
        if said.len() > SAID_BYTES_MAX {
            break;
        }
    }
    Ok(said)
}

/// The call as the plan spells it out.
async fn spelled_out(live: &Live, endpoint: &Endpoint, given: &Call) -> Result<(), Fault> {
    let url = format!("{}{}", endpoint.url.trim_end_matches('/'), given.path);
    let method = Method::from_bytes(given.method.as_bytes()).map_err(|error| {
        let why = format!("{:?} is not a method", given.method);
        Fault::new(Hope::Permanent, DURING, web::without_query(&url), why).because(error)
    })?;
    let ask = |client: &Client| {
        let request = client.request(method, &url);
        if given.body.is_empty() {
            request
        } else {
            request.header(CONTENT_TYPE, &given.content_type).body(given.body.clone())
        }
    };
    let answer = call(live, endpoint, &url, ask).await?;
    if answer.status().as_u16() == given.expect {
        Ok(())
    } else {
        Err(unwanted(&url, &answer, &given.expect.to_string()))
    }
}

async fn call(
    live: &Live,
    endpoint: &Endpoint,
    url: &str,
    ask: impl FnOnce(&Client) -> RequestBuilder,
) -> Result<Response, Fault> {
    let client = live.web().client(endpoint.tls_pin)?;
    let request = web::authenticated(live, endpoint, ask(&client).timeout(CALL)).await;
    request
        .map_err(not_of_the_appliance)?
        .send()
        .await
        .map_err(|error| web::fault(DURING, url, error))
}

/// That Secrets Manager cannot be reached says nothing of the appliance, which was not even asked: a
/// fence that was not attempted must not look like one that met nobody.
fn not_of_the_appliance(mut fault: Fault) -> Fault {
    if fault.hope == Hope::Unreachable {
        fault.hope = Hope::Retryable;
    }
    fault
}

fn unwanted(url: &str, answer: &Response, wanted: &str) -> Fault {
    let status = answer.status().as_u16();
    let hope = match status {
        408 | 429 | 500.. => Hope::Retryable,
        _ => Hope::Permanent,
    };
    let why = format!("it answered {status}, where {wanted} was expected");
    Fault::new(hope, DURING, web::without_query(url), why)
}

fn not_built(endpoint: &Endpoint, what: &str) -> Fault {
    let why = format!("{what} is not supported by this version");
    Fault::new(Hope::Permanent, DURING, web::without_query(&endpoint.url), why)
}

#[cfg(test)]
mod tests;
