//! What has to hold in every state of the model.

use warmspare_decide::journal::{Progress, Step};
use warmspare_decide::plan::FenceDemand;

use super::Failovers;
use super::state::{Database, Run, Sent, World};

/// A law, and its place among the invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Law {
    /// I1: an older term changed the records after a newer one.
    OlderAfterNewer,
    /// P2: something was promoted, and the old site was not told to be standby in that term.
    PromotedBeforeFence,
    /// P2: the plan demands a fence, and two sites are in production.
    TwoInProduction,
    /// P2: the old site was left unfenced, and it was not known to be lost.
    LeftWithoutLoss,
    /// P2: two sites are in production, the failover is over, and nothing is owed.
    NothingOwed,
    /// P3: the name leads to a site that was not healthy after its promotion.
    UnhealthyTarget,
    /// I2: a run moved the records, and its own newest look did not show a healthy site.
    MovedWithoutLook,
    /// I3: the name is gone, or there twice.
    NotOneRecord,
    /// FF14: a person's edit was overwritten.
    EditOverwritten,
    /// P4: two failovers are open.
    TwoOpen,
    /// P4: a failover began before the cooldown was over.
    TooSoon,
    /// P5: an act was taken that nobody had written down.
    NotIntended,
    /// I6: the journal is one that the code cannot have written.
    ImpossibleJournal,
    /// I11: a failover was abandoned, and the old site was not given back.
    NotGivenBack,
    /// I11: a failover was abandoned after a promotion.
    AbandonedAfterPromotion,
}

fn breaks(world: &mut World, law: Law) {
    world.broken = world.broken.or(Some(law));
}

/// The newest journal, folded.
pub(crate) fn newest(model: &Failovers, world: &World) -> Option<std::sync::Arc<Progress>> {
    let term = u8::try_from(world.terms.len()).unwrap();
    model.decider.fold(term, world.terms.last()?)
}

/// Looks at a state.
pub(crate) fn look(model: &Failovers, world: &mut World) {
    let demand = model.decider.plan().failover.fence;
    let [home, away] = &world.sites;
    let is_two = home.production && away.production;
    if is_two && demand == FenceDemand::Confirmed {
        breaks(world, Law::TwoInProduction);
    }
    let [name] = records_of(model, world)[..] else { return breaks(world, Law::NotOneRecord) };
    let away_set = model.decider.addresses()[1];
    let away = &world.sites[1];
    let is_writer = matches!(world.database, Database::None | Database::Writer);
    if name == away_set && !(away.was_healthy && is_writer) {
        breaks(world, Law::UnhealthyTarget);
    }
    if world.terms.is_empty() {
        return;
    }
    let Some(newest) = newest(model, world) else {
        return breaks(world, Law::ImpossibleJournal);
    };
    terms(model, world);
    let Some(end) = &newest.end else { return };
    world.seen.completed |= end.completed;
    world.seen.abandoned |= !end.completed;
    world.seen.paid |= end.completed && newest.debts.is_empty();
    if end.completed && is_two && newest.debts.is_empty() {
        breaks(world, Law::NothingOwed);
    }
    if !end.completed {
        let old = model.decider.at(newest.opened.from.as_str());
        let is_moved = world.sites[1 - old].production
            || matches!(world.database, Database::Promoting | Database::Writer)
                && newest.opened.steps.contains(&Step::PromoteDatabase);
        if is_moved {
            return breaks(world, Law::AbandonedAfterPromotion);
        }
        // A site that is gone again before it could be given back is owed it.
        let is_settled =
            world.runs.iter().all(|run| run.term != newest_number(world) || is_idle(run))
                && !world.sent.iter().any(|sent| matches!(sent, Sent::Mode { .. }));
        let site = &world.sites[old];
        if is_settled && !site.production && newest.debts.is_empty() {
            breaks(world, Law::NotGivenBack);
        }
    }
}

fn newest_number(world: &World) -> u8 {
    u8::try_from(world.terms.len()).unwrap()
}

fn is_idle(run: &Run) -> bool {
    run.stage == super::state::Stage::Idle
}

/// The addresses' record sets, without the term's.
fn records_of(model: &Failovers, world: &World) -> Vec<u16> {
    let is_address = |number: &&u16| model.decider.set(**number).kind != "TXT";
    world.records.0.iter().filter(is_address).copied().collect()
}

/// One failover at a time.
fn terms(model: &Failovers, world: &mut World) {
    let cooldown_s = i64::try_from(model.decider.plan().failover.cooldown_s).unwrap();
    let mut broken = None;
    for (n, pair) in (1..).zip(world.terms.windows(2)) {
        let folded = (model.decider.fold(n, &pair[0]), model.decider.fold(n + 1, &pair[1]));
        let (Some(before), Some(after)) = folded else {
            broken = broken.or(Some(Law::ImpossibleJournal));
            break;
        };
        let Some(end) = &before.end else {
            broken = broken.or(Some(Law::TwoOpen));
            break;
        };
        // One that was given up before anything was told to the old site starts no cooldown.
        let is_untouched = !end.completed && before.first_intended_at.is_empty();
        let since_s = after.opened_at.as_second() - end.at.as_second();
        if !is_untouched && since_s < cooldown_s {
            broken = broken.or(Some(Law::TooSoon));
        }
    }
    world.broken = world.broken.or(broken);
}

/// A promotion is sent: was the old site told to be standby in this term?
pub(crate) fn promotes(world: &mut World, run: &Run, old: usize) {
    if world.sites[old].fence_tried_in != run.term {
        breaks(world, Law::PromotedBeforeFence);
    }
}

/// An act is sent: does the journal that everyone reads say that it may happen?
pub(crate) fn acts(model: &Failovers, world: &mut World, run: &Run, step: Step) {
    let lines = &world.terms[usize::from(run.term) - 1];
    let Some(progress) = model.decider.fold(run.term, lines) else {
        return breaks(world, Law::ImpossibleJournal);
    };
    let was_intended = progress.first_intended_at.iter().any(|(known, _)| *known == step);
    if !was_intended {
        breaks(world, Law::NotIntended);
    }
}

/// A batch has changed the records.
pub(crate) fn moved(model: &Failovers, world: &mut World, term: u8, before: &[u16]) {
    if term < world.acted {
        breaks(world, Law::OlderAfterNewer);
    }
    world.acted = world.acted.max(term);
    let ours = model.decider.addresses();
    let was_edited =
        |number: &u16| model.decider.set(*number).kind != "TXT" && !ours.contains(number);
    if before.iter().any(was_edited) && !world.records.0.iter().any(was_edited) {
        breaks(world, Law::EditOverwritten);
    }
}

/// A run is about to send a batch.
pub(crate) fn repoints(world: &mut World, run: &Run) {
    if !run.saw_health {
        breaks(world, Law::MovedWithoutLook);
    }
}

/// A run writes that the old site was left behind an attempt.
pub(crate) fn leaves(world: &mut World, run: &Run) {
    if !run.saw_loss {
        breaks(world, Law::LeftWithoutLoss);
    }
}
