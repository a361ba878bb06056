//! The one place that reads the environment. What it says is judged in [`crate::config`].

/// The value of a variable, if it is set, readable and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "everything else is given its configuration, so that tests can give another"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
