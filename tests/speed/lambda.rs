//! As much of the Lambda Runtime API as gives a function one event, takes its answer, and ends it:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// In milliseconds of the Unix epoch: later than any race.
const DEADLINE_MS: u64 = 4_102_444_800_000;

/// One event, and what a function has answered.
#[derive(Debug)]
pub(crate) struct Lambda {
    /// `127.0.0.1:<port>`
    pub(crate) address: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    event: Option<String>,
    answer: Option<String>,
}

impl Lambda {
    /// Starts with this event.
    pub(crate) async fn start(event: String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let kept = Arc::new(Mutex::new(Kept { event: Some(event), answer: None }));
        let shared = Arc::clone(&kept);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let kept = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&kept), request));
                let serving = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
                tokio::spawn(async move { drop(serving.await) });
            }
        });
        Ok(Self { address, kept })
    }

    /// What the function has answered.
    pub(crate) fn answered(&self) -> Option<String> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).answer.clone()
    }
}

/// The second time somebody asks what is next, the connection breaks, and the function ends.
async fn answer(
    kept: Arc<Mutex<Kept>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    if *request.method() == Method::GET {
        let event = kept.lock().unwrap_or_else(PoisonError::into_inner).event.take();
        let event = event.ok_or_else(|| io::Error::other("there is nothing else"))?;
        let answer = Response::builder()
            .header("lambda-runtime-aws-request-id", "race")
            .header("lambda-runtime-deadline-ms", DEADLINE_MS)
            .header("lambda-runtime-invoked-function-arn", "race")
            .body(Full::new(Bytes::from(event)));
        return answer.map_err(io::Error::other);
    }
    let said = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let said = String::from_utf8_lossy(&said).into_owned();
    kept.lock().unwrap_or_else(PoisonError::into_inner).answer = Some(said);
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}
