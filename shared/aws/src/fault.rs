//! What an AWS service answered, as a fault: what was said, and whether there is hope in trying
//! again.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use warmspare_act::fault::{Fault, Hope};

/// Codes with a 4xx status that say "not now" and not "not so". 5xx and 429 need no entry here.
const NOT_NOW: [&str; 25] = [
    "ConcurrentModification",
    "ConditionalRequestConflict",
    "DBInstanceNotReady",
    "ExpiredToken",
    "ExpiredTokenException",
    "ExportTaskLimitReachedFault",
    "InsufficientDBInstanceCapacity",
    "InvalidDBClusterStateFault",
    "InvalidDBInstanceState",
    "InvalidDBSnapshotState",
    "InvalidExportSourceState",
    "InvalidGlobalClusterStateFault",
    "OperationAborted",
    "PriorRequestNotComplete",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ResourceContention",
    "ScalingActivityInProgress",
    "SlowDown",
    "SnapshotQuotaExceeded",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// The code that the service gave its refusal, if it answered with one.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// The HTTP status of the answer, if there was one.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// What did not work, and whether trying again may help.
pub(crate) fn fault<E>(
    during: &'static str,
    subject: impl Into<String>,
    error: SdkError<E, HttpResponse>,
) -> Fault
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let mut fault = Fault::new(hope(&error), during, subject, why(&error));
    let request_id = error.as_service_error().and_then(|said| said.meta().extra("aws_request_id"));
    fault.cause = match request_id {
        // What the service said is said already. What is left is how AWS's people find it again.
        Some(id) => Some(Box::new(RequestId(id.to_owned()))),
        // The answer itself is left behind: its body could be a secret.
        None => error.into_source().ok(),
    };
    fault
}

/// AWS's name of a request that it answered.
#[derive(Debug)]
struct RequestId(String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AWS request id {}", self.0)
    }
}

impl Error for RequestId {}

fn hope<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Hope {
    match (status(error), code(error)) {
        // A load balancer in front of a service that is gone says 502, 503 or 504, and knows no
        // codes.
        (Some(502..=504), None) => Hope::Unreachable,
        (Some(429 | 500..), _) => Hope::Retryable,
        (_, Some(code)) if NOT_NOW.contains(&code) => Hope::Retryable,
        // "200, and then an error": S3 answers so when it had begun to answer before it failed.
        (Some(200..=299), _) => Hope::Retryable,
        (Some(_), _) => Hope::Permanent,
        (None, _) => hope_without_answer(error),
    }
}

fn hope_without_answer<E>(error: &SdkError<E, HttpResponse>) -> Hope {
    match error {
        SdkError::ConstructionFailure(_) => Hope::Permanent,
        SdkError::DispatchFailure(failure) if failure.is_user() => Hope::Permanent,
        SdkError::TimeoutError(_)
        | SdkError::DispatchFailure(_)
        | SdkError::ResponseError(_)
        | SdkError::ServiceError(_) => Hope::Unreachable,
        _ => Hope::Retryable,
    }
}

/// A lowercase fragment: code and message as the service gave them, else the innermost cause.
fn why<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = error.as_service_error().map(|said| (said.code(), said.message()));
    match (said, status(error)) {
        (Some((Some(code), Some(message))), _) if !message.is_empty() => {
            format!("it answered {code}: {}", fragment(message))
        }
        (Some((Some(code), _)), _) => format!("it answered {code}"),
        (Some((None, Some(message))), Some(status)) if !message.is_empty() => {
            format!("it answered {status}: {}", fragment(message))
        }
        (_, Some(status)) => format!("it answered {status}, and nothing that can be read"),
        (_, None) => match error {
            SdkError::TimeoutError(_) => "nothing answered in time".to_owned(),
            SdkError::ConstructionFailure(_)
            | SdkError::DispatchFailure(_)
            | SdkError::ResponseError(_)
            | SdkError::ServiceError(_) => format!("nothing answered: {}", innermost(error)),
            _ => innermost(error),
        },
    }
}

/// A message of somebody else's, without its last full stop and on one line.
pub(crate) fn fragment(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').to_owned()
}

/// What the last error of a chain says: the one that knows.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    fragment(&chain(error).last().map_or_else(|| error.to_string(), ToString::to_string))
}

/// An error, its cause, that one's cause, and so on. What an `io::Error` carries is a link of its
/// own, which its `source` would skip.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let carried = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match carried {
            Some(carried) => {
                let carried: &(dyn Error + 'static) = carried;
                Some(carried)
            }
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests;
