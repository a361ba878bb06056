use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use http_body::{Body, Frame};
use warmspare_act::fault::Hope;
use warmspare_act::ports::{Databases, Vault};
use warmspare_decide::name::Region;

use super::*;
use crate::replay::live_over;

const PIECE: &[u8] = &[b'x'; 64 << 10];

/// A body that never ends, and counts what was read of it.
#[derive(Clone, Debug, Default)]
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.fetch_add(PIECE.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PIECE)))))
    }
}

/// Says this status and goes on for ever.
#[derive(Clone, Debug)]
struct Talker(u16, Endless);

impl HttpConnector for Talker {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let body = SdkBody::from_body_1_x(self.1.clone());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(self.0.try_into().unwrap(), body)))
    }
}

impl HttpClient for Talker {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// FA14: an error without an end is a fault by its status, and no more of it is kept than the limit. The
/// SDK's own retries are three in the recovery region.
#[tokio::test]
async fn an_error_without_an_end_is_a_fault_of_bounded_size() {
    let region = Region::parse("us-west-2").unwrap();
    for (status, hope) in [(503, Hope::Unreachable), (500, Hope::Retryable), (403, Hope::Permanent)]
    {
        let talker = Talker(status, Endless::default());
        let live = live_over(SharedHttpClient::new(talker.clone()));
        let fault = live.read("plans/controller.toml").await.unwrap_err();
        assert_eq!(fault.hope, hope, "{status}: {fault}");
        let fault = live.instance(&region, "controller-db").await.unwrap_err();
        assert_eq!(fault.hope, hope, "{status}: {fault}");
        let read = talker.1.0.load(Ordering::Relaxed);
        let tries = 2 * 3;
        assert!(read <= tries * (ERROR_BYTES_MAX + PIECE.len()), "{status}: {read} bytes");
    }
}
