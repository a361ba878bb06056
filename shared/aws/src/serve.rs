//! From Lambda to a function's answer and back.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, Service, service_fn};
use tokio::time::timeout;
use tracing::error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use warmspare_act::fault::{Fault, Hope};
use warmspare_decide::outcome::Outcome;

use crate::clock::Invocation;
use crate::config::{Config, ConfigProblems};
use crate::live::{Live, Process};
use crate::log::Log;
use crate::{environment, report};

/// Answers invocations until Lambda ends the process. Each gets its event as the bytes that came,
/// whatever they are; refusing them is `answer`'s own work.
///
/// An environment with problems fails every invocation with all of them, so that the events are
/// kept.
pub fn serve<A>(function: &'static str, answer: A) -> ExitCode
where
    A: AsyncFn(&Live, &[u8]) -> Result<Outcome, Fault>,
{
    let config = Config::parse(&environment::variable);
    let log = Log::begin();
    start_log(&log, config.as_ref().map_or(LevelFilter::INFO, |config| config.log));
    let code = answers(&log, function, config, &answer);
    log.flush();
    code
}

fn answers<A>(
    log: &Log,
    function: &'static str,
    config: Result<Config, ConfigProblems>,
    answer: &A,
) -> ExitCode
where
    A: AsyncFn(&Live, &[u8]) -> Result<Outcome, Fault>,
{
    let process = begin(config);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(function, "the runtime could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(Box::pin(run(log, function, &process, answer))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(function, "the connection to Lambda was lost: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What every invocation of this process shares, or why there is nothing to share.
type Begun = Result<Rc<Process>, (Hope, String)>;

fn begin(config: Result<Config, ConfigProblems>) -> Begun {
    let config = config.map_err(|problems| (Hope::Permanent, problems.to_string()))?;
    let process = Process::begin(config).map_err(|fault| (fault.hope, fault.to_string()))?;
    Ok(Rc::new(process))
}

async fn run<A>(
    log: &Log,
    function: &'static str,
    begun: &Begun,
    answer: &A,
) -> Result<(), lambda_runtime::Error>
where
    A: AsyncFn(&Live, &[u8]) -> Result<Outcome, Fault>,
{
    let kept = Rc::new(RefCell::new(Bytes::new()));
    let event = Rc::clone(&kept);
    let service = service_fn(move |invoked: LambdaEvent<()>| {
        let event = event.take();
        async move {
            let context = invoked.context;
            let invocation = Invocation::begin(&context.request_id, context.deadline);
            let result = match begun {
                Ok(process) => {
                    let live = Live::new(Rc::clone(process), invocation.clone());
                    in_time(invocation.left(), caught(answer(&live, &event))).await
                }
                Err((hope, why)) => {
                    Err(Fault::new(*hope, "reading", "the environment", why.as_str()))
                }
            };
            report::tell(log, function, &invocation, &result)
        }
    });
    let layer = layer_fn(move |inner| KeepsEvent { inner, kept: Rc::clone(&kept) });
    Runtime::new(service).layer(layer).run().await
}

/// Whatever an answer waits for, its invocation ends by itself, so that it is said, counted and tried again.
/// Each function ends its own work earlier than that, where it knows what it is at.
async fn in_time<T>(
    left: Duration,
    future: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    match timeout(left, future).await {
        Ok(result) => result,
        Err(_) => {
            let why = "the time of the run was over, and what it was at is given up";
            Err(Fault::new(Hope::Retryable, "answering", "the event", why))
        }
    }
}

/// A panic ends an invocation as any other fault does: said, counted, and answered.
async fn caught<T>(future: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let mut future = Box::pin(future);
    poll_fn(|context| {
        // What the future borrows is of this invocation only, and is not looked at again.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<&str>()
                .map(|said| (*said).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned());
            let why = format!("it panicked: {}", said.unwrap_or_default());
            Poll::Ready(Err(Fault::new(Hope::Permanent, "answering", "the event", why)))
        })
    })
    .await
}

/// `lambda_runtime` parses an event before it calls anybody, and answers what is not JSON itself,
/// in its own words. It is handed `null`, and the event is kept aside, as it came.
#[derive(Debug)]
struct KeepsEvent<S> {
    inner: S,
    kept: Rc<RefCell<Bytes>>,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for KeepsEvent<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> S::Future {
        let event = std::mem::replace(&mut invocation.body, Bytes::from_static(b"null"));
        self.kept.replace(event);
        self.inner.call(invocation)
    }
}

/// JSON on the standard output, without the time, which CloudWatch puts beside every line. What
/// `lambda_runtime` would say of an invocation that failed is left out: it was said already. A
/// panic is said here, with its place.
fn start_log(log: &Log, level: LevelFilter) {
    let quieter = level.min(LevelFilter::WARN);
    let targets = Targets::new()
        .with_default(quieter)
        .with_targets(
            ["warmspare_aws", "warmspare_act", "warmspare_decide"].map(|own| (own, level)),
        )
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    let log = log.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || log.clone())
        .json()
        .flatten_event(true)
        .without_time()
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        .log_internal_errors(false);
    // A log that is there already is somebody's test.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = panic.payload_as_str().unwrap_or("nothing that can be read");
        error!(place, "panicked: {said}");
    }));
}

#[cfg(test)]
mod tests;
