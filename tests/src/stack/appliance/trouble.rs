//! What can be wrong with an appliance's answers. It breaks nothing by itself.

use std::collections::BTreeMap;

/// One way to answer badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This HTTP status and an error text; nothing is done.
    Status(u16),
    /// 200 and bytes that are no JSON; nothing is done.
    Garbage,
    /// Takes the request and never answers; nothing is done.
    Nothing,
    /// Does what was asked and closes the connection without an answer.
    AnswerLost,
    /// The port is closed.
    Refuse,
    /// Promises the whole length and closes the connection after this many bytes of the body.
    CutBody(u64),
    /// Sends the true body under this `Content-Length`: too short cuts it, too long is never filled.
    WrongLength(u64),
}

/// The troubles by path.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<String, Trouble>);

impl Troubles {
    pub(super) fn set(&mut self, path: &str, trouble: Trouble) {
        self.0.insert(path.to_owned(), trouble);
    }

    /// The trouble of exactly this path, or that of all paths.
    pub(super) fn at(&self, path: &str) -> Option<Trouble> {
        self.0.get(path).or_else(|| self.0.get("*")).cloned()
    }

    /// Ends them; says whether one of them had closed the port.
    pub(super) fn clear(&mut self) -> bool {
        std::mem::take(&mut self.0).into_values().any(|it| it == Trouble::Refuse)
    }
}
