//! cargo's progress is understood, and its variables do not reach the build.

use super::*;

#[test]
fn the_progress_bar_is_read_and_everything_else_is_passed_on() {
    let bar = "Building [=====>                 ] 12/345: serde, aws-sdk-s3";
    assert_eq!(understood(bar), Progress::Building { done: 12, total: 345 });
    let line = "Compiling serde v1.0.228";
    assert_eq!(understood(line), Progress::Said(line.to_owned()));
}

#[test]
fn what_cargo_sets_is_dropped_and_what_a_user_sets_stays() {
    for name in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_BIN_EXE_drill", "NEXTEST"]
    {
        assert!(is_of_cargo(name), "{name}");
    }
    for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_PROFILE_DEV_DEBUG", "RUSTFLAGS", "PATH"] {
        assert!(!is_of_cargo(name), "{name}");
    }
}

#[test]
fn only_the_users_library_folders_are_left() {
    let built_in = Path::new("/home/user/app/target/debug");
    let left = |value: &str| {
        let left = libraries_of_the_user(value.as_ref(), Some(built_in)).unwrap();
        left.map(|left| left.into_string().unwrap())
    };
    let of_cargo = "/home/user/app/target/debug/deps:/root/.rustup/toolchains/stable/lib";
    assert_eq!(left(of_cargo), None);
    assert_eq!(left(&format!("{of_cargo}:/opt/lib")), Some("/opt/lib".to_owned()));
}
