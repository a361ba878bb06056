//! The decisions, asked of `shared/decide` and remembered. The key is everything that was asked, so what
//! is remembered is what would be answered again.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use foldhash::{HashMap, HashMapExt};
use jiff::{SignedDuration, Timestamp};
use warmspare_act::journal::{Loaded, Terms};
use warmspare_decide::database::{Instance, Replication};
use warmspare_decide::dns::{self, RecordSet};
use warmspare_decide::evidence::{AlarmState, Sight, Signal};
use warmspare_decide::failover::{
    Act, Asked as AskedBy, Attempt, Kind, Next, Opened, OpeningView, PastTerm, View, ZoneView,
    next, open,
};
use warmspare_decide::journal::{Debt, Entry, FORMAT, Progress, Step, What};
use warmspare_decide::name::{Slot, Term};
use warmspare_decide::plan::{Check, Plan, Site};
use warmspare_decide::seen::Seen;

use super::Without;
use super::state::{At, Database, Line};

/// What was said once has a number. It is looked up without a lock: every state asks for some.
#[derive(Debug)]
struct Numbered<T> {
    numbers: RwLock<HashMap<String, u16>>,
    said: Box<[OnceLock<Box<T>>]>,
}

impl<T: Clone + Debug> Numbered<T> {
    fn new() -> Self {
        let said = (0..=u16::MAX).map(|_| OnceLock::new()).collect();
        Self { numbers: RwLock::new(HashMap::new()), said }
    }

    fn number(&self, item: &T) -> u16 {
        let said = format!("{item:?}");
        if let Some(known) = self.numbers.read().unwrap().get(&said) {
            return *known;
        }
        let mut all = self.numbers.write().unwrap();
        let new = u16::try_from(all.len()).unwrap();
        let number = *all.entry(said).or_insert(new);
        self.said[usize::from(number)].get_or_init(|| Box::new(item.clone()));
        number
    }

    fn get(&self, number: u16) -> &T {
        self.said[usize::from(number)].get().unwrap()
    }
}

/// What a run sees in one look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Eyes {
    pub(crate) minute: u8,
    /// 0 up, 1 down, 2 not looked at.
    pub(crate) old: u8,
    pub(crate) is_new_healthy: bool,
    pub(crate) database: Database,
    pub(crate) records: Vec<u16>,
    pub(crate) in_sync: bool,
    /// 0 none, 1 accepted, 2 unreachable, 3 unclear.
    pub(crate) attempt: u8,
    pub(crate) has_change: bool,
    /// When the appliance was told, if that matters.
    pub(crate) told: Option<u8>,
}

/// What a run does next, by numbers.
#[derive(Clone, Debug)]
pub(crate) enum Decided {
    /// Write the intention unless it is written, then act.
    Do { intention: u16, is_intended: bool, act: u16 },
    /// Write this.
    Write { what: u16 },
    /// Look again.
    Wait,
    /// The run ends, and nothing is written; whether it met drift.
    End { drift: bool },
}

/// The fold of some lines, or that there is none.
pub(crate) type Fold = Option<Arc<Progress>>;

static DECIDERS: AtomicUsize = AtomicUsize::new(0);

/// What was asked of each journal of each term, by the model that asked.
type Asked<T> = HashMap<(usize, u8), HashMap<Vec<Line>, T>>;

thread_local! {
    static FOLDS: RefCell<Asked<Fold>> = RefCell::default();
    static OPENS: RefCell<HashMap<(usize, Vec<Vec<Line>>, Eyes), Option<u16>>> = RefCell::default();
    static NEXTS: RefCell<Asked<HashMap<Eyes, Decided>>> = RefCell::default();
}

/// Asks, remembers, and takes one rule away if it is told to.
#[derive(Debug)]
pub(crate) struct Decider {
    /// Tells what one model remembers from what another one does.
    me: usize,
    plan: Plan,
    /// The record set of each site.
    addresses: [u16; 2],
    without: Option<Without>,
    whats: Numbered<What>,
    acts: Numbered<Act>,
    sets: Numbered<RecordSet>,
}

impl Decider {
    pub(crate) fn new(plan: &str, without: Option<Without>) -> Self {
        let plan = warmspare_act::plan_text::parse(plan).unwrap();
        let sets = Numbered::new();
        let address = |address: &str| {
            let (zone, values) = (dns::zones(&plan)[0], vec![address.to_owned()]);
            sets.number(&RecordSet::simple(zone, "controller.example.com", "A", 60, values))
        };
        Self {
            me: DECIDERS.fetch_add(1, Ordering::Relaxed),
            addresses: [address("203.0.113.10"), address("203.0.113.20")],
            plan,
            without,
            whats: Numbered::new(),
            acts: Numbered::new(),
            sets,
        }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The record sets of home and of the other site.
    pub(crate) fn addresses(&self) -> [u16; 2] {
        self.addresses
    }

    pub(crate) fn set_id(&self, set: &RecordSet) -> u16 {
        self.sets.number(set)
    }

    pub(crate) fn set(&self, number: u16) -> &RecordSet {
        self.sets.get(number)
    }

    pub(crate) fn what(&self, number: u16) -> &What {
        self.whats.get(number)
    }

    pub(crate) fn what_id(&self, what: &What) -> u16 {
        self.whats.number(what)
    }

    pub(crate) fn act(&self, number: u16) -> &Act {
        self.acts.get(number)
    }

    /// Where a site of the plan is.
    pub(crate) fn at(&self, name: &str) -> At {
        usize::from(self.plan.home.name.as_str() != name)
    }

    /// The fold of a journal, by `Progress::follow`.
    pub(crate) fn fold(&self, term: u8, lines: &[Line]) -> Fold {
        let key = (self.me, term);
        if let Some(known) = FOLDS.with_borrow(|all| all.get(&key)?.get(lines).cloned()) {
            return known;
        }
        let entries: Vec<Entry> =
            (1..).zip(lines).map(|(n, line)| self.entry(term, n, line)).collect();
        let folded = match entries.split_last() {
            Some((last, before)) if !before.is_empty() => {
                let before = self.fold(term, &lines[..before.len()]);
                before.and_then(|before| {
                    let mut progress = (*before).clone();
                    self.forget(&mut progress);
                    progress.follow(last).ok().map(|()| Arc::new(progress))
                })
            }
            _ => Progress::of(&entries).ok().map(Arc::new),
        };
        FOLDS.with_borrow_mut(|all| {
            all.entry(key).or_default().insert(lines.to_vec(), folded.clone())
        });
        folded
    }

    /// Takes away what the fold knows, where that is the rule.
    fn forget(&self, progress: &mut Progress) {
        match self.without {
            Some(Without::NoWayBackAfterPromotion) => progress.is_past_return = false,
            Some(Without::Debt) => progress.debts.clear(),
            _ => {}
        }
    }

    fn entry(&self, term: u8, n: u32, line: &Line) -> Entry {
        Entry {
            format: FORMAT,
            system: self.plan.system.clone(),
            term: Term(u32::from(term)),
            n,
            at: instant(line.1),
            writer: "model".to_owned(),
            plan_version: "v1".to_owned(),
            what: self.what(line.0).clone(),
        }
    }

    fn signals(&self, site: &Site, is_new: bool, sight: &Sight) -> Vec<Signal> {
        let taken =
            site.health.iter().filter(|health| !is_new || health.check != Check::Replication);
        taken
            .map(|health| Signal {
                name: health.path.clone(),
                path: health.path.clone(),
                sight: sight.clone(),
            })
            .collect()
    }

    fn sight(&self, old: u8) -> Sight {
        match old {
            0 => Sight::AsExpected,
            1 => Sight::Refused,
            _ if self.without == Some(Without::UnknownOfItsOwn) => Sight::Refused,
            _ => Sight::NotTaken("it could not be looked at".to_owned()),
        }
    }

    fn replica(&self, database: Database) -> Instance {
        let is_writer = database == Database::Writer
            || (database == Database::Promoting && self.without == Some(Without::WriterSeen));
        let source = self.plan.database.as_ref().map(|database| database.source.clone());
        Instance {
            status: if is_writer || database == Database::Replica {
                "available"
            } else {
                "modifying"
            }
            .to_owned(),
            replica_of: source.filter(|_| !is_writer),
            replicas: Vec::new(),
            replication: (!is_writer)
                .then(|| Replication { normal: false, status: "error".to_owned() }),
        }
    }

    pub(crate) fn records(&self, numbers: &[u16]) -> Vec<RecordSet> {
        numbers.iter().map(|number| self.set(*number).clone()).collect()
    }

    /// Whether a failover begins, by `open`; the first line of its journal if it does.
    pub(crate) fn open(&self, terms: &[Vec<Line>], eyes: Eyes) -> Option<u16> {
        let key = (self.me, terms.to_vec(), eyes);
        if let Some(known) = OPENS.with_borrow(|all| all.get(&key).copied()) {
            return known;
        }
        let opened = self.ask_open(terms, &key.2);
        OPENS.with_borrow_mut(|all| all.insert(key, opened));
        opened
    }

    fn ask_open(&self, terms: &[Vec<Line>], eyes: &Eyes) -> Option<u16> {
        let terms = self.terms(terms)?;
        let (active, _) = terms.active(&self.plan);
        let is_home = active == self.plan.home.name;
        let (old, new) = if is_home {
            (&self.plan.home, &self.plan.away)
        } else {
            (&self.plan.away, &self.plan.home)
        };
        let now = instant(eyes.minute);
        let healthy = if eyes.is_new_healthy { Sight::AsExpected } else { ill() };
        let mut past = terms.past();
        if self.without == Some(Without::CooldownFromTheEnd) {
            for term in &mut past {
                term.ended_at = term.opened_at;
            }
        }
        let has_database = self.plan.database.is_some();
        let view = OpeningView {
            now,
            lost_at: now,
            asked: AskedBy::Alarm { name: "a".to_owned(), state: Seen::Here(AlarmState::Alarm) },
            active,
            primary: self.signals(old, false, &self.sight(eyes.old)),
            standby: self.signals(new, true, &healthy),
            proven: Seen::Here(Slot::of(instant(0))),
            replica: has_database.then(|| Seen::Here(self.replica(eyes.database))),
            lag_s: has_database.then_some(Seen::Here(1)),
            records: Seen::Here(self.records(&eyes.records)),
            past,
            acknowledgements: Seen::Here(Vec::new()),
            pause: Seen::Absent,
            kind: Kind::Failover,
            pair: warmspare_decide::database::Pair::of(&self.plan),
            restored: None,
            capacity: None,
            leaving: None,
            restore: None,
            leads: None,
        };
        let mut opened: Opened = open(&self.plan, &view).ok()?;
        match self.without {
            Some(Without::FenceFirst) => opened.steps.retain(|step| *step != Step::Fence),
            Some(Without::HealthFirst) => opened.steps.retain(|step| *step != Step::SeeHealthy),
            _ => {}
        }
        // What the decision saw is of no use afterwards, and would make every journal another one.
        let owes = |past: &PastTerm| past.debts.contains(&Debt::Mode);
        let is_taken_over =
            opened.view.past.first().is_some_and(owes) && self.without != Some(Without::TakingOver);
        opened.view.past.truncate(usize::from(is_taken_over));
        for past in &mut opened.view.past {
            (past.opened_at, past.ended_at) = (instant(0), instant(0));
        }
        opened.view.records = Seen::Absent;
        Some(self.what_id(&What::Opened(Box::new(opened))))
    }

    /// The failovers as the function reads them, newest first.
    pub(crate) fn terms(&self, terms: &[Vec<Line>]) -> Option<Terms> {
        let mut loaded = Vec::new();
        for (term, lines) in (1..).zip(terms) {
            let progress = (*self.fold(term, lines)?).clone();
            loaded.push(Loaded { progress, last_at: instant(lines.last()?.1) });
        }
        loaded.reverse();
        Some(Terms::of(loaded))
    }

    /// What comes next in a failover, by `next`.
    pub(crate) fn next(&self, term: u8, lines: &[Line], eyes: Eyes) -> Option<Decided> {
        let key = (self.me, term);
        if let Some(known) = NEXTS.with_borrow(|all| all.get(&key)?.get(lines)?.get(&eyes).cloned())
        {
            return Some(known);
        }
        let progress = self.fold(term, lines)?;
        let decided = self.ask(&progress, &eyes);
        NEXTS.with_borrow_mut(|all| {
            let known = all.entry(key).or_default().entry(lines.to_vec()).or_default();
            known.insert(eyes, decided.clone())
        });
        Some(decided)
    }

    fn ask(&self, progress: &Progress, eyes: &Eyes) -> Decided {
        let new = self.plan.other(&progress.opened.from);
        let old = self.plan.other(&new.name);
        let mut progress = progress.clone();
        self.forget(&mut progress);
        let is_believed = self.without == Some(Without::HealthFirst)
            || (self.without == Some(Without::OwnLook) && progress.is_done(Step::SeeHealthy));
        let is_healthy = eyes.is_new_healthy || is_believed;
        let zone = dns::zones(&self.plan)[0];
        let known = progress.change_id(zone).map(str::to_owned);
        let change = eyes.has_change.then(|| "C".to_owned()).or(known);
        let late_s = if self.without == Some(Without::WaitForLateFences) { 300 } else { 15 };
        // A little later than what was written in this step.
        let now = instant(eyes.minute) + SignedDuration::from_secs(late_s);
        let told_at = eyes.told.map(|told| instant(told) + SignedDuration::from_secs(late_s));
        let view = View {
            now,
            told_at,
            group: Seen::Absent,
            lag: Seen::Here(Vec::new()),
            others: Vec::new(),
            restored: Seen::Absent,
            copy: Seen::Absent,
            old: self.signals(old, false, &self.sight(eyes.old)),
            new: self.signals(new, true, &if is_healthy { Sight::AsExpected } else { ill() }),
            attempt: match eyes.attempt {
                0 => None,
                2 if self.without == Some(Without::FenceConfirmed) => Some(Attempt::Accepted),
                1 => Some(Attempt::Accepted),
                2 => Some(Attempt::Unreachable("no answer".to_owned())),
                _ => Some(Attempt::Unclear("the answer was lost".to_owned())),
            },
            replica: Seen::Here(self.replica(eyes.database)),
            zones: vec![ZoneView {
                records: Seen::Here(self.records(&eyes.records)),
                in_sync: Seen::Here(eyes.in_sync),
                ..ZoneView::of(zone, change)
            }],
            switch: warmspare_decide::switch::SwitchView::default(),
            acknowledgements: Seen::Here(Vec::new()),
        };
        if self.without == Some(Without::WayBack) && progress.intended == Some(Step::Fence) {
            progress.intended = None;
            progress.first_intended_at.clear();
        }
        if self.without == Some(Without::WaitForLatePayments) && eyes.attempt != 0 {
            progress.opened.view.past.clear();
        }
        let is_up = eyes.old == 0;
        if self.without == Some(Without::NoWayBackAfterPromotion)
            && is_up
            && progress.next_step() == Some(Step::PromoteAppliance)
        {
            let site = old.name.clone();
            let verdict = progress.opened.verdict.clone();
            let why = warmspare_decide::refusal::Refusal::PrimaryReturned { site, verdict };
            return self.write(What::Abandoned { why, debts: Vec::new() });
        }
        match next(&self.plan, &progress, &view) {
            Next::Do(act) => {
                let step = act.step();
                let batch = match &act {
                    Act::Repoint(batch) => batch.clone(),
                    _ => Vec::new(),
                };
                let is_intended =
                    progress.intended == Some(step) || self.without == Some(Without::Intention);
                Decided::Do {
                    intention: self.what_id(&What::Intended { step, batch }),
                    is_intended,
                    act: self.acts.number(&act),
                }
            }
            Next::Confirm(step, finding) => self.write(What::Confirmed { step, finding }),
            Next::Wait(_) => Decided::Wait,
            Next::Later(_) => Decided::End { drift: false },
            Next::Stop(refusal) => {
                let drift = matches!(refusal, warmspare_decide::refusal::Refusal::DnsDrift { .. });
                Decided::End { drift }
            }
            Next::Abandon(why, mut debts) => {
                debts.retain(|_| self.without != Some(Without::ModeOwed));
                self.write(What::Abandoned { why, debts })
            }
            Next::Complete(report) => self.write(What::Completed(report)),
        }
    }

    fn write(&self, what: What) -> Decided {
        Decided::Write { what: self.what_id(&what) }
    }
}

fn ill() -> Sight {
    Sight::Otherwise("it answered 503".to_owned())
}

/// The beginning of a step of time.
pub(crate) fn instant(minute: u8) -> Timestamp {
    let start: Timestamp = crate::world::START.parse().unwrap();
    start + SignedDuration::from_secs(i64::from(minute) * 90)
}
