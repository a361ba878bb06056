//! An HTTP client whose failing answers have an end. An SDK reads the body of every error whole before
//! anybody can look at it, and a proxy that stands in the way may say anything, at any length.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

/// The most of a failing answer that is read. Errors of AWS are some hundred bytes long.
pub(crate) const ERROR_BYTES_MAX: usize = 256 << 10;

/// The client, with an end to what its failing answers say. What is longer is an answer that broke off.
pub(crate) fn bounded(http: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Bounded(http))
}

#[derive(Debug)]
struct Bounded<T>(T);

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answering = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answering.await?;
            if !answer.status().is_success() {
                let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
                let limited = Limited::new(body, ERROR_BYTES_MAX);
                *answer.body_mut() = SdkBody::from_body_1_x(limited);
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests;
