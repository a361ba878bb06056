//! Whatever the text of a plan is: it is a plan, or each of its problems is told with a line of the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warmspare_act::plan_text::parse;

fuzz_target!(|text: &str| {
    let Err(problems) = parse(text) else { return };
    let said = problems.to_string();
    assert!(said.contains("line "), "{said}");
    assert_eq!(parse(text).unwrap_err().to_string(), said, "the same text is told the same");
});
