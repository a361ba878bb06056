//! What there is in the model.

use super::Bounds;
use super::decided::Decider;
use super::law::Law;

/// Index of a site: home is 0.
pub(crate) type At = usize;

/// One line of a journal: what it says, by its number among all that was ever said, and the time. Of
/// lines whose time nothing is decided by, it is the time of the first.
pub(crate) type Line = (u16, u8);

/// One site.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Site {
    /// Nothing of it answers. It may live on all the same.
    pub(crate) lost: bool,
    pub(crate) production: bool,
    /// Every signal answers as expected.
    pub(crate) healthy: bool,
    /// It was healthy since it was told to be production.
    pub(crate) was_healthy: bool,
    /// The newest term in which it was told to be standby, or 0.
    pub(crate) fence_tried_in: u8,
}

/// The database at the standby of home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Database {
    None,
    Replica,
    Promoting,
    Writer,
}

/// What was sent and has not arrived.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sent {
    Mode {
        site: At,
        production: bool,
        until: u8,
    },
    Promotion {
        until: u8,
    },
    /// Nothing bounds how late a batch may be.
    Batch {
        term: u8,
        changes: Vec<(bool, u16)>,
    },
}

/// The records of the zone, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Addressed(pub(crate) Vec<u16>);

/// What a run is about to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    Idle,
    /// It is about to decide whether a failover begins.
    Opening,
    /// It is about to look.
    Looking,
    /// It is about to write a line, and then to act.
    Writing {
        what: u16,
        act: Option<u16>,
    },
    Acting {
        act: u16,
    },
    /// It is about to fence the site that was left.
    Paying,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) stage: Stage,
    pub(crate) born: u8,
    pub(crate) term: u8,
    /// The journal as the run has read and written it.
    pub(crate) lines: Vec<Line>,
    pub(crate) attempt: u8,
    /// When the appliance was told its mode.
    pub(crate) told: Option<u8>,
    pub(crate) has_change: bool,
    /// In its newest look the new site really was healthy.
    pub(crate) saw_health: bool,
    /// In its newest look the old site really was lost.
    pub(crate) saw_loss: bool,
}

impl Run {
    pub(crate) fn idle() -> Self {
        Self {
            stage: Stage::Idle,
            born: 0,
            term: 0,
            lines: Vec::new(),
            attempt: 0,
            told: None,
            has_change: false,
            saw_health: false,
            saw_loss: false,
        }
    }
}

/// What was seen at least once on the way here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) completed: bool,
    pub(crate) abandoned: bool,
    pub(crate) paid: bool,
    pub(crate) overtaken: bool,
    pub(crate) edit_met: bool,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) minute: u8,
    /// The time from which the bound of a failover counts.
    pub(crate) since: u8,
    pub(crate) terms: Vec<Vec<Line>>,
    pub(crate) sites: [Site; 2],
    pub(crate) database: Database,
    pub(crate) records: Addressed,
    pub(crate) in_sync: bool,
    pub(crate) sent: Vec<Sent>,
    pub(crate) runs: [Run; 2],
    pub(crate) troubles: u8,
    pub(crate) starts: u8,
    pub(crate) faults: u8,
    pub(crate) deaths: u8,
    pub(crate) edits: u8,
    pub(crate) turns: u8,
    pub(crate) blinks: u8,
    /// The newest term that has changed the records.
    pub(crate) acted: u8,
    pub(crate) seen: Seen,
    pub(crate) broken: Option<Law>,
}

impl World {
    pub(crate) fn new(decider: &Decider, bounds: &Bounds) -> Self {
        let plan = decider.plan();
        let site = |lost, production| Site {
            lost,
            production,
            healthy: true,
            was_healthy: true,
            fence_tried_in: 0,
        };
        let has_database = plan.database.is_some();
        Self {
            minute: 0,
            since: 0,
            terms: Vec::new(),
            sites: [site(true, true), site(false, false)],
            database: if has_database { Database::Replica } else { Database::None },
            records: Addressed(vec![decider.addresses()[0]]),
            in_sync: true,
            sent: Vec::new(),
            runs: [Run::idle(), Run::idle()],
            troubles: bounds.troubles,
            starts: bounds.starts,
            faults: bounds.faults,
            deaths: bounds.deaths,
            edits: bounds.edits,
            turns: bounds.turns,
            blinks: bounds.blinks,
            acted: 0,
            seen: Seen::default(),
            broken: None,
        }
    }

    /// Something is on its way; what is on its way has no order.
    pub(crate) fn send(&mut self, sent: Sent) {
        self.sent.push(sent);
        self.sent.sort();
    }
}
