//! What went wrong while acting. A refusal is not a fault: it is an answer.

use std::error::Error;
use std::fmt;

use warmspare_decide::refusal::Refusal;
use warmspare_decide::seen::Seen;

/// What whoever meets a fault can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hope {
    /// Nothing answered: the place could not be reached. Trying again later may help.
    Unreachable,
    /// It answered that it cannot now. Trying again later may help.
    Retryable,
    /// It will not help to try again before somebody has changed something.
    Permanent,
}

/// Something that was attempted and did not work. It says during what, about which thing, and why;
/// it keeps its cause, and does not print it.
#[derive(Debug)]
pub struct Fault {
    /// What can be done about it.
    pub hope: Hope,
    /// The attempt, as it fits before "of": "reading the manifest".
    pub during: &'static str,
    /// The thing, by its name.
    pub subject: String,
    /// Why: a lowercase fragment without a full stop. Never a secret.
    pub why: String,
    /// The cause from below, if there was one.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
    /// The refusal that it is, where trying again would meet the same: whoever reads the stream that
    /// ended in it tells that, and does not fail.
    pub refusal: Option<Box<Refusal>>,
}

impl Fault {
    /// A fault without a cause from below.
    pub fn new(
        hope: Hope,
        during: &'static str,
        subject: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self { hope, during, subject: subject.into(), why: why.into(), cause: None, refusal: None }
    }

    /// A refusal, by who can only end in a fault: a stream.
    pub fn refused(during: &'static str, subject: impl Into<String>, refusal: Refusal) -> Self {
        let fault = Self::new(Hope::Permanent, during, subject, refusal.to_string());
        Self { refusal: Some(Box::new(refusal)), ..fault }
    }

    /// The same fault with its cause.
    #[must_use]
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }
}

impl Fault {
    /// The same where another run may do better: nothing is refused.
    #[must_use]
    pub fn may_pass(self) -> Self {
        Self { hope: Hope::Retryable, refusal: None, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.during, self.subject, self.why)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| {
            let cause: &(dyn Error + 'static) = cause;
            cause
        })
    }
}

/// A look that failed is not a reason to stop: it is an answer of its own, with the reason kept.
pub fn or_unknown<T>(look: Result<Seen<T>, Fault>) -> Seen<T> {
    match look {
        Ok(seen) => seen,
        Err(fault) => Seen::Unknown(fault.to_string()),
    }
}
