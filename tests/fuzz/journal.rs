//! Whatever a journal holds: it folds, or is told to be impossible; and it is decided again, whatever
//! comes of that.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warmspare_act::replay;
use warmspare_decide::journal::{Entry, Progress};

fuzz_target!(|bytes: &[u8]| {
    let Ok(entries) = serde_json::from_slice::<Vec<Entry>>(bytes) else { return };
    match Progress::of(&entries) {
        Ok(progress) => assert!(progress.next_step().is_none_or(|step| !progress.is_done(step))),
        Err(impossible) => assert!(!impossible.to_string().is_empty()),
    }
    let _whatever_it_says = replay::journal(&entries, None).is_same();
});
