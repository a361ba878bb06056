//! Whether a failover begins, and what its next step is.
//!
//! [`open`] decides from one look at everything; [`next`] decides one step from what the journal says
//! and what was seen just now. The steps only go forward once a promotion was intended. A move may be a
//! failover (the active site is lost) or planned (both sites are alive): a switchover, or a failback.

mod declined;
mod duty;
mod give_back;
mod global;
mod guards;
mod late;
mod open;
mod payment;
mod planned;
mod rehearsal;
mod report;
mod restore;
mod step;
mod stopped;

pub use declined::{DECLINED_FORMAT, Declined};
pub use duty::{Duty, duty};
pub use give_back::give_back;
pub use guards::not_healthy;
pub use late::{LATE_FORMAT, Late, late};
pub use open::{Asked, Kind, Opened, OpeningView, PastTerm, as_if_open, open};
pub use payment::{Payment, end_instances, owed_again, put_back, retire, unanswered};
pub use rehearsal::{as_if_done, as_if_running, is_unlit, told};
pub use report::{Phase, Report, report};
pub use step::{Act, Attempt, Next, Other, View, ZoneView, debts_of, holds_up, next, stranded};
pub use stopped::{STOPPED_FORMAT, Stopped};

#[cfg(test)]
pub(crate) mod tests;
