//! What a tick has to do about the newest move of a system, whether it is open or has ended.

use jiff::Timestamp;

use crate::journal::{Debt, Progress};

/// How often a database that was stopped is looked at again, in minutes of the clock.
const RETURN_EVERY_MIN: i64 = 15;

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Nothing.
    Nothing,
    /// It is open: it is gone on with.
    Drive,
    /// It has ended, and something is owed. Where it was given up, another one may begin meanwhile, and
    /// takes over what is owed: the site that it is owed to may be gone for good.
    Pay {
        /// Whether another one may begin before that is paid.
        may_begin: bool,
    },
    /// Everything is paid, and the old database is looked at once more.
    LookAgain,
}

/// What this tick does. RDS starts a stopped instance again after seven days
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html>), so the old database
/// is looked at for as long as its failover is the newest one; not with every tick, because the old
/// Region may be gone for good and each such look waits for it.
pub fn duty(newest: &Progress, now: Timestamp) -> Duty {
    let minute = now.as_second().div_euclid(60);
    match &newest.end {
        None => Duty::Drive,
        Some(end) if !newest.debts.is_empty() => Duty::Pay { may_begin: !end.completed },
        Some(_) if newest.is_paid(Debt::Database) && minute.rem_euclid(RETURN_EVERY_MIN) == 0 => {
            Duty::LookAgain
        }
        Some(_) => Duty::Nothing,
    }
}

#[cfg(test)]
mod tests;
