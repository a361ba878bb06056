//! Disasters and moves, lived through: data are written, backed up and proven; something happens; the
//! functions deal with it by themselves or are asked to; and every promise is held against what was
//! seen from outside.

mod backups;
mod dns_drift;
mod failback;
mod region_group;
mod region_lost;
mod rehearsal;
mod returning_primary;
mod show;
mod story;

use anyhow::Result;
use clap::ValueEnum;

use crate::scene::{Scene, Setting};

pub use self::show::Timeline;

use self::story::Story;

/// What is lived through. The sentences are shown to whoever asks for help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The whole home region is lost, and the standby takes over by itself
    RegionLost,
    /// After a failover home comes back, gets a replica of the database, and is moved back to, with no
    /// loss
    Failback,
    /// A well system is asked what a failover would do, step by step, and nothing changes
    Rehearsal,
    /// The lost primary comes back after the failover, and is fenced before anybody is led to it
    ReturningPrimary,
    /// Somebody has edited the record before the disaster: the edit is refused by name, then mended
    DnsDrift,
    /// Six systems of a group lose their region together, and their records move in merged batches
    RegionGroup,
    /// Older backups are pruned, a damaged one counts no longer, and the newest proven one is restored
    Backups,
    /// Names all of them and ends
    List,
}

impl Scenario {
    /// Its name, as it is asked for.
    pub fn name(self) -> String {
        let shown = self.to_possible_value();
        shown.map(|shown| shown.get_name().to_owned()).unwrap_or_default()
    }

    /// Each name with its sentence.
    pub fn all() -> Vec<String> {
        let shown = Self::value_variants().iter().filter(|it| **it != Self::List);
        let shown = shown.filter_map(ValueEnum::to_possible_value);
        shown
            .map(|shown| {
                let help = shown.get_help().map(ToString::to_string).unwrap_or_default();
                format!("{:<18} {help}", shown.get_name())
            })
            .collect()
    }
}

/// What a drill came to: whether everything was as it should be, and what is said of it.
pub fn verdict(lived: &Result<Vec<String>>) -> (bool, Vec<String>) {
    match lived {
        Ok(broken) if broken.is_empty() => {
            (true, vec!["every promise was kept: P1 P2 P3 P4 P5 P6 P7".to_owned()])
        }
        Ok(broken) => {
            (false, broken.iter().map(|sentence| format!("BROKEN   {sentence}")).collect())
        }
        Err(error) => (false, vec![format!("FAILED   {error:#}")]),
    }
}

/// Lives through a scenario; every promise that was broken, as a sentence, and what else was not as it
/// was meant to be.
///
/// # Errors
/// What could not be looked at in the end.
pub async fn live(scenario: Scenario, scene: &Scene, timeline: &Timeline) -> Result<Vec<String>> {
    let mut story = Story::begin(scene, timeline).await?;
    let lived = match scenario {
        Scenario::RegionLost => region_lost::live(&mut story).await,
        Scenario::Failback => failback::live(&mut story).await,
        Scenario::Rehearsal => rehearsal::live(&mut story).await,
        Scenario::ReturningPrimary => returning_primary::live(&mut story).await,
        Scenario::DnsDrift => dns_drift::live(&mut story).await,
        Scenario::RegionGroup => region_group::live(&mut story).await,
        Scenario::Backups => backups::live(&mut story).await,
        Scenario::List => Ok(()),
    };
    let mut broken = story.end().await?;
    if let Err(error) = lived {
        broken.push(format!("{} did not end as it should: {error:#}", scenario.name()));
    }
    timeline.end();
    Ok(broken)
}

/// Sets the scene for a drill.
///
/// # Errors
/// What could not be built, started or deployed.
pub async fn set(scenario: Scenario, timeline: &Timeline, keep: bool) -> Result<Scene> {
    let shown = timeline.clone();
    let options = crate::stack::Options {
        keep,
        tell: std::sync::Arc::new(move |what| shown.waiting(what)),
        ..crate::stack::Options::default()
    };
    let mut setting = Setting { options, ..Setting::default() };
    // Every minute, so that the drill waits for one, however long the deployment took; but where backups
    // are counted, each is asked for.
    if scenario != Scenario::Backups {
        setting.backup_schedule = "cron(* * * * ? *)".to_owned();
    }
    let scene = Scene::set(setting).await?;
    timeline.line(
        "stack",
        &format!("everything is deployed; its files are in {}", scene.stack.folder().display()),
    );
    Ok(scene)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_drill_in_which_nothing_was_broken_is_a_success() {
        let (is_well, said) = verdict(&Ok(Vec::new()));
        assert!(is_well && said == ["every promise was kept: P1 P2 P3 P4 P5 P6 P7"]);
        let broken =
            vec!["P6: somebody called DeleteObject".to_owned(), "failback: late".to_owned()];
        let (is_well, said) = verdict(&Ok(broken));
        assert!(!is_well);
        assert_eq!(said, ["BROKEN   P6: somebody called DeleteObject", "BROKEN   failback: late"]);
        let (is_well, said) = verdict(&Err(anyhow::anyhow!("no port is free").context("starting")));
        assert!(!is_well && said == ["FAILED   starting: no port is free"]);
    }

    #[test]
    fn every_scenario_is_named_with_a_sentence() {
        let named = Scenario::all();
        assert_eq!(named.len() + 1, Scenario::value_variants().len());
        for scenario in Scenario::value_variants().iter().filter(|it| **it != Scenario::List) {
            let line = named.iter().find(|line| line.starts_with(&scenario.name()));
            assert!(line.is_some_and(|line| line.split_whitespace().count() > 5), "{scenario:?}");
        }
    }
}
