//! The SDK over the connections of a plan's addresses, which believe a pinned key or the usual
//! authorities. Only what has no body is sent.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use reqwest::{Body, Client, Method};

use crate::bounded::bounded;

/// The SDK's requests, sent by another client than its own.
#[derive(Clone, Debug)]
pub(super) struct OverWeb(Client);

impl OverWeb {
    /// Over this client.
    pub(super) fn client(client: Client) -> SharedHttpClient {
        bounded(SharedHttpClient::new(Self(client)))
    }
}

impl HttpClient for OverWeb {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OverWeb {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { send(client, request).await })
    }
}

async fn send(client: Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let method = Method::from_bytes(request.method().as_bytes())
        .map_err(|error| ConnectorError::user(error.into()))?;
    let mut asked = client.request(method, request.uri());
    for (name, value) in request.headers().iter() {
        asked = asked.header(name, value);
    }
    let answer = asked.send().await.map_err(|error| {
        let error = error.without_url();
        if error.is_timeout() {
            ConnectorError::timeout(error.into())
        } else {
            ConnectorError::io(error.into())
        }
    })?;
    let status = StatusCode::try_from(answer.status().as_u16())
        .map_err(|error| ConnectorError::other(error.into(), None))?;
    let headers = answer.headers().clone();
    let mut response = HttpResponse::new(status, SdkBody::from_body_1_x(Body::from(answer)));
    for (name, value) in &headers {
        // What is no text is no header that S3 sends.
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}
