use super::*;

const GIB: u64 = 1 << 30;

fn speed(bytes: u64, took_s: u64) -> Speed {
    let mut speed = Speed::default();
    speed.add(bytes, took_s);
    speed
}

#[test]
fn an_object_is_begun_where_it_fits_into_what_is_left_or_nothing_is_known() {
    assert_eq!(left_to_the_next(15 * GIB, Speed::default(), 61), None);
    let measured = speed(15 * GIB, 180);
    assert_eq!(left_to_the_next(15 * GIB, measured, 211), None);
    let why = left_to_the_next(15 * GIB, measured, 210).unwrap();
    let said = "its 16106127360 bytes need 181 s (16106127360 bytes of others took 180 s), and 210 s are left";
    assert_eq!(why, said);
    assert_eq!(left_to_the_next(GIB, measured, 60), None);
    assert!(left_to_the_next(u64::MAX, speed(1, u64::MAX), u64::MAX - 1).is_some());
}

#[test]
fn what_needs_more_than_a_run_is_too_long_once_it_had_most_of_one() {
    let of = |size_bytes, passed_bytes, took_s| TooLong {
        key: "core/a.hart".to_owned(),
        size_bytes,
        passed_bytes,
        took_s,
        run_s: 890,
    };
    assert!(of(100 * GIB, 80 * GIB, 860).judge().is_some());
    assert!(of(100 * GIB, 0, 860).judge().is_some());
    assert!(of(100 * GIB, 20 * GIB, 200).judge().is_none());
    assert!(of(100 * GIB, 80 * GIB, 600).judge().is_none());
    let said = of(100, 80, 860).to_string();
    let sentence = "the object \"core/a.hart\" has 100 bytes, of which 80 have passed in 860 s: it does not \
                    fit into one run, which has 890 s";
    assert_eq!(said, sentence);
}
