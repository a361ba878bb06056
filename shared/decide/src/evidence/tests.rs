use super::*;

const TWO_OF_THREE: Quorum = Quorum { down: 2, of: 3 };

fn signals(sights: &[(&str, Sight)]) -> Vec<Signal> {
    sights
        .iter()
        .map(|(path, sight)| Signal {
            name: (*path).to_owned(),
            path: (*path).to_owned(),
            sight: sight.clone(),
        })
        .collect()
}

fn silent() -> Sight {
    Sight::Silent("3 s".to_owned())
}

#[test]
fn silence_is_down_only_when_our_own_way_out_is_proven() {
    assert_eq!(reading(&silent(), true), Reading::Down);
    assert_eq!(reading(&silent(), false), Reading::Unknown);
}

#[test]
fn an_answer_that_was_not_expected_is_neither_up_nor_down() {
    assert_eq!(reading(&Sight::Otherwise("500".to_owned()), true), Reading::Unknown);
    assert_eq!(reading(&Sight::NotTaken("throttled".to_owned()), true), Reading::Unknown);
}

/// B2: a path blocked by accident is one path, however many signals travel on it.
#[test]
fn two_signals_on_one_path_count_once() {
    let seen = signals(&[("a", silent()), ("a", Sight::Refused), ("b", Sight::AsExpected)]);
    let verdict = verdict(&seen, TWO_OF_THREE, true);
    assert_eq!((verdict.site, verdict.down, verdict.up), (Reading::Up, 1, 1));
}

#[test]
fn a_path_whose_signals_disagree_is_unknown() {
    let seen = signals(&[("a", Sight::Refused), ("a", Sight::AsExpected)]);
    assert_eq!(verdict(&seen, TWO_OF_THREE, true).unknown, 1);
}

#[test]
fn unknown_never_counts_as_down_and_never_as_up() {
    let lost = || Sight::NotTaken("no time".to_owned());
    for (sights, expected) in [
        ([Sight::Refused, Sight::Refused, lost()], Reading::Down),
        ([Sight::Refused, lost(), lost()], Reading::Unknown),
        ([Sight::AsExpected, lost(), lost()], Reading::Unknown),
        ([Sight::AsExpected, Sight::AsExpected, lost()], Reading::Up),
        ([lost(), lost(), lost()], Reading::Unknown),
        ([Sight::AsExpected, Sight::Refused, Sight::AsExpected], Reading::Up),
        ([Sight::AsExpected, Sight::Refused, lost()], Reading::Unknown),
    ] {
        let seen: Vec<_> = ["a", "b", "c"].into_iter().zip(sights.clone()).collect();
        assert_eq!(verdict(&signals(&seen), TWO_OF_THREE, true).site, expected, "{sights:?}");
    }
}

#[test]
fn only_an_answer_proves_the_way_out() {
    assert!(proves_way_out(&signals(&[("a", Sight::Otherwise("503".to_owned()))])));
    assert!(!proves_way_out(&signals(&[("a", silent()), ("b", Sight::Refused)])));
    assert!(!proves_way_out(&[]));
}
