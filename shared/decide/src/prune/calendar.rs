//! Which of the proven backups the plan asks for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Zoned;

use crate::name::Slot;
use crate::plan::Keep;

/// What in the plan asks for a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It is the newest, which always stays.
    Newest,
    /// It is one of the newest so many.
    Last,
    /// It is the newest of its day.
    Daily,
    /// It is the newest of its week.
    Weekly,
    /// It is the newest of its month.
    Monthly,
    /// It is the newest of its year.
    Yearly,
}

/// Which period an instant lies in: two instants of one period have the same.
type Period = fn(&Zoned) -> (i16, i16);

/// The backups that stay, with what asks for each; `proven` is given newest first. Each rule counts
/// only periods in which there is a backup.
pub fn kept(keep: &Keep, proven: &[Slot]) -> BTreeMap<Slot, Vec<Rule>> {
    let mut kept: BTreeMap<Slot, Vec<Rule>> = BTreeMap::new();
    let mut add = |rule: Rule, slots: &mut dyn Iterator<Item = Slot>| {
        slots.for_each(|slot| kept.entry(slot).or_default().push(rule));
    };
    let newest = |count: u32| proven.iter().copied().take(limit(count));
    add(Rule::Newest, &mut newest(1));
    match keep {
        Keep::Overwrite => {}
        Keep::Newest(count) => add(Rule::Last, &mut newest(count.get())),
        Keep::Calendar(calendar) => {
            add(Rule::Last, &mut newest(calendar.last));
            let periods: [(Rule, u32, Period); 4] = [
                (Rule::Daily, calendar.daily, |at| (at.year(), at.day_of_year())),
                (Rule::Weekly, calendar.weekly, |at| {
                    let week = at.date().iso_week_date();
                    (week.year(), week.week().into())
                }),
                (Rule::Monthly, calendar.monthly, |at| (at.year(), at.month().into())),
                (Rule::Yearly, calendar.yearly, |at| (at.year(), 0)),
            ];
            for (rule, count, period) in periods {
                let mut before = BTreeSet::new();
                let newest_of_each = proven.iter().copied().filter(|slot| {
                    before.insert(period(&slot.instant().to_zoned(calendar.timezone.clone())))
                });
                add(rule, &mut newest_of_each.take(limit(count)));
            }
        }
    }
    kept
}

fn limit(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
