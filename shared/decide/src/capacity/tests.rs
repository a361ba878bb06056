use super::*;

fn group(desired: u32, instances: u32, in_service: u32) -> Group {
    Group { desired, min: 0, max: 2, in_service, instances, protected: 0, suspended: vec![] }
}

#[test]
fn a_group_is_gone_when_nothing_is_listed_and_nothing_is_wanted() {
    assert!(group(0, 0, 0).is_gone());
    assert!(!group(0, 1, 0).is_gone(), "an instance that is ending may still write");
    assert!(!group(1, 0, 0).is_gone(), "it starts one by itself");
}

#[test]
fn a_group_has_what_is_in_service_and_is_to_stay() {
    assert!(group(1, 1, 1).has(1) && group(2, 2, 2).has(1));
    assert!(!group(1, 1, 0).has(1), "it is starting");
    assert!(!group(0, 1, 1).has(1), "it is ending");
}

#[test]
fn the_bounds_are_part_of_what_it_takes() {
    let group = Group { min: 1, ..group(1, 1, 1) };
    assert!(!group.takes(0) && group.takes(1) && group.takes(2) && !group.takes(3));
}

#[test]
fn the_words_say_what_keeps_it_from_changing() {
    let held = Group { protected: 1, suspended: vec!["Terminate".to_owned()], ..group(0, 1, 1) };
    assert_eq!(
        held.words(),
        "1 instance(s), 1 of them in service, 0 desired, 1 protected from scale-in, suspended: Terminate"
    );
}
