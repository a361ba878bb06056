//! The model, checked whole; and each rule, taken away.

use std::num::NonZeroUsize;

use stateright::{Checker, HasDiscoveries, Model};

use super::{Bounds, Failovers, Law, Without};
use crate::scene::{PLAN, demanding, without_database};

/// Distinct states that the models have together.
const STATES_MIN: usize = 1_000_000;

/// What is checked whole.
#[derive(Clone, Copy, Debug)]
enum Checked {
    /// One failover with a database, and a person who edits.
    Database,
    /// Two failovers, there and back, of a system without a database.
    Twice,
    /// The same with one run more and without time, so that a batch of the first can arrive late.
    Late,
    /// One failover under a plan that demands a fence.
    Demanded,
    /// The same, given up and begun again by a site that comes and goes.
    Again,
}

impl Checked {
    fn plan(self) -> String {
        match self {
            Self::Database => PLAN.to_owned(),
            Self::Twice | Self::Late => without_database(),
            Self::Demanded | Self::Again => demanding(&without_database()),
        }
    }

    fn bounds(self) -> Bounds {
        let bounds = Bounds {
            troubles: 2,
            starts: 2,
            faults: 1,
            deaths: 0,
            edits: 1,
            turns: 1,
            blinks: 1,
            minutes: 3,
            terms: 1,
        };
        match self {
            Self::Database => bounds,
            Self::Twice => Bounds {
                troubles: 3,
                edits: 0,
                turns: 2,
                minutes: 2,
                blinks: 0,
                terms: 2,
                ..bounds
            },
            Self::Late => Bounds {
                troubles: 3,
                starts: 3,
                edits: 0,
                turns: 2,
                minutes: 0,
                blinks: 0,
                terms: 2,
                ..bounds
            },
            Self::Demanded => Bounds { deaths: 1, edits: 0, turns: 2, ..bounds },
            Self::Again => Bounds {
                troubles: 4,
                starts: 4,
                faults: 0,
                edits: 0,
                turns: 3,
                minutes: 2,
                terms: 2,
                ..bounds
            },
        }
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, NonZeroUsize::get)
}

/// I1, I2, I3, I6, I11, P2, P3, P4, FF1, FF2, FF3, FF5, FF11, FF14: in every state.
#[test]
fn every_law_holds_in_every_state() {
    let states = hold([Checked::Database, Checked::Twice, Checked::Late, Checked::Demanded]);
    assert!(states >= STATES_MIN, "{states} states");
}

/// I11, FF5, FF11: two thirds of all states.
#[test]
fn every_law_holds_when_a_site_comes_and_goes_again_and_again() {
    let states = hold([Checked::Again]);
    assert!(states >= STATES_MIN, "{states} states");
}

/// How many distinct states were checked.
fn hold(all: impl IntoIterator<Item = Checked>) -> usize {
    let mut states = 0;
    for checked in all {
        #[expect(clippy::disallowed_methods, reason = "the time is printed")]
        let begun = std::time::Instant::now();
        let model = Failovers::new(&checked.plan(), checked.bounds(), None);
        // Whole, so the order makes no difference; depth first, little waits in memory for its turn.
        let checker = model.checker().threads(threads()).spawn_dfs().join();
        let (unique, depth) = (checker.unique_state_count(), checker.max_depth());
        println!("{checked:?}: {unique} states, {depth} deep, {} s", begun.elapsed().as_secs());
        for (name, path) in checker.discoveries() {
            let last = path.last_state().broken;
            println!("  {name}: after {} steps {last:?}", path.clone().into_actions().len());
            if last.is_some() {
                panic!("{:#?}", path.into_actions());
            }
        }
        states += unique;
    }
    println!("{states} distinct states");
    states
}

/// A rule, the model in which it is taken away, and the law that is broken then.
const TABLE: [(Without, Checked, Law); 22] = [
    (Without::CompareAndSwap, Checked::Database, Law::EditOverwritten),
    (Without::TermInTheBatch, Checked::Late, Law::OlderAfterNewer),
    (Without::FenceFirst, Checked::Database, Law::PromotedBeforeFence),
    (Without::HealthFirst, Checked::Database, Law::MovedWithoutLook),
    (Without::CreateOnly, Checked::Database, Law::NotIntended),
    (Without::CooldownFromTheEnd, Checked::Again, Law::TooSoon),
    (Without::AnythingButTheLease, Checked::Database, Law::NotIntended),
    (Without::ConditionInTheAct, Checked::Database, Law::EditOverwritten),
    (Without::OwnLook, Checked::Database, Law::MovedWithoutLook),
    (Without::UnknownOfItsOwn, Checked::Database, Law::LeftWithoutLoss),
    (Without::NoWayBackAfterPromotion, Checked::Database, Law::AbandonedAfterPromotion),
    (Without::Debt, Checked::Database, Law::NothingOwed),
    (Without::Intention, Checked::Database, Law::NotIntended),
    (Without::WaitForLateFences, Checked::Demanded, Law::NotGivenBack),
    (Without::FenceConfirmed, Checked::Demanded, Law::TwoInProduction),
    (Without::WriterSeen, Checked::Database, Law::UnhealthyTarget),
    (Without::RunsThatEnd, Checked::Demanded, Law::NotGivenBack),
    (Without::WayBack, Checked::Demanded, Law::NotGivenBack),
    (Without::OneAtATime, Checked::Twice, Law::TwoOpen),
    (Without::ModeOwed, Checked::Demanded, Law::NotGivenBack),
    (Without::TakingOver, Checked::Again, Law::NotGivenBack),
    (Without::WaitForLatePayments, Checked::Again, Law::TwoInProduction),
];

/// Each rule on which the proof rests is taken away, and the law that it keeps is found broken. With all
/// of them in place the same models have no such state: the tests above.
#[test]
fn each_rule_that_is_taken_away_is_missed_and_named() {
    are_missed(|checked| !matches!(checked, Checked::Again));
}

/// The rules that only a site which comes and goes needs.
#[test]
fn each_rule_is_missed_when_a_site_comes_and_goes_again_and_again() {
    are_missed(|checked| matches!(checked, Checked::Again));
}

fn are_missed(is_asked: fn(Checked) -> bool) {
    let mut wrong = Vec::new();
    let asked = TABLE.into_iter().filter(|(_, checked, _)| is_asked(*checked));
    for (without, checked, law) in asked {
        let model = Failovers::new(&checked.plan(), checked.bounds(), Some(without));
        let checker = model
            .checker()
            .threads(threads())
            .finish_when(HasDiscoveries::AnyFailures)
            .spawn_bfs()
            .join();
        let path = checker.discovery("every law holds");
        let broken = path.as_ref().and_then(|path| path.last_state().broken);
        let steps = path.map_or(0, |path| path.into_actions().len());
        let states = checker.unique_state_count();
        println!("without {without:?}: {broken:?} after {steps} steps, in {states} states");
        if broken != Some(law) {
            wrong.push(format!("without {without:?}: {broken:?}, and not {law:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
