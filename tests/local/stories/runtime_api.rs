//! A Runtime API that gives a function one event, any bytes, and hears its answer. The function is
//! the very binary of its zip, in the environment that the template gives it. Not for what a function
//! does: it has no credentials.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use warmspare_tests::scene::{ACCOUNT, RECOVERY, STACK, Scene, now};
use warmspare_tests::stack::folders;
use warmspare_tests::stack::keeper::{Kept, Order};

const WITHIN: Duration = Duration::from_secs(90);

/// What a function answers to an event of these bytes: its answer, or its error.
pub(crate) async fn answer(scene: &Scene, function: &str, event: &[u8]) -> Result<Value> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let (answered, mut answers) = mpsc::unbounded_channel();
    let api = Arc::new(Api {
        event: Bytes::copy_from_slice(event),
        is_given: AtomicBool::new(false),
        answered,
    });
    let serving = tokio::spawn(serve(listener, api));
    let bootstrap = bootstrap(scene, function).await?;
    let log = bootstrap.with_extension("log");
    let order = Order::new(bootstrap)
        .only_environment(environment(scene, function, address).await?)
        .log(log);
    let running = Kept::start(&scene.stack.venv.python(), order).await?;
    let answer = tokio::time::timeout(WITHIN, answers.recv()).await;
    running.end();
    serving.abort();
    let answer = answer.with_context(|| format!("{function} did not answer"))?;
    Ok(serde_json::from_slice(&answer.context("nobody listens")?)?)
}

struct Api {
    event: Bytes,
    is_given: AtomicBool,
    answered: mpsc::UnboundedSender<Bytes>,
}

async fn serve(listener: TcpListener, api: Arc<Api>) {
    while let Ok((stream, _)) = listener.accept().await {
        let api = Arc::clone(&api);
        let service = service_fn(move |request| respond(Arc::clone(&api), request));
        // Its end is the function's.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(
    api: Arc<Api>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.method() == Method::GET {
        if api.is_given.swap(true, Ordering::Relaxed) {
            // Until the next event, which never comes.
            return std::future::pending().await;
        }
        let deadline_ms = now().as_millisecond() + 60_000;
        let arn = format!("arn:aws:lambda:{RECOVERY}:{ACCOUNT}:function:{STACK}");
        for (name, value) in [
            ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
            ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
            ("lambda-runtime-invoked-function-arn", arn),
        ] {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        *response.body_mut() = Full::new(api.event.clone());
    } else {
        let body = request.into_body().collect().await.map(|body| body.to_bytes());
        let _ = api.answered.send(body.unwrap_or_default());
        *response.status_mut() = http::StatusCode::ACCEPTED;
    }
    Ok(response)
}

/// The binary of a function's zip.
async fn bootstrap(scene: &Scene, function: &str) -> Result<PathBuf> {
    let zip = folders::workspace().join("target/lambda").join(function).join("bootstrap.zip");
    let folder = scene.stack.run.folder(&format!("runtime-api-{function}"))?;
    let python = scene.stack.venv.python();
    let order = Order::new(&python).args(["-m", "zipfile", "-e"]).arg(&zip).arg(&folder);
    Kept::run(&python, order.log(folder.join("unzip.log")), WITHIN).await?;
    let bootstrap = folder.join("bootstrap");
    ensure!(bootstrap.is_file(), "{} has no bootstrap", zip.display());
    std::fs::set_permissions(&bootstrap, std::fs::Permissions::from_mode(0o755))?;
    Ok(bootstrap)
}

/// What the template says, and what Lambda adds.
async fn environment(
    scene: &Scene,
    function: &str,
    address: String,
) -> Result<Vec<(String, String)>> {
    let args = json!({ "FunctionName": format!("{STACK}-{function}") });
    let aws = &scene.stack.aws;
    let found = aws.call(RECOVERY, "lambda", "get_function_configuration", args).await?;
    let variables = found["Environment"]["Variables"].as_object().context("no variables")?;
    let variables = variables
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    let of_lambda = [
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", function),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "none"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "none"),
        ("AWS_REGION", RECOVERY),
        ("AWS_ACCESS_KEY_ID", "ASIANOBODY"),
        ("AWS_SECRET_ACCESS_KEY", "nothing"),
        ("AWS_SESSION_TOKEN", "nothing"),
    ];
    let of_lambda = of_lambda.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(variables.chain(of_lambda).collect())
}
