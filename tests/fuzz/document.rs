//! Whatever lies in the vault under a name of ours: what can be read is written again as what it was, and
//! what cannot be read is a fault that names the key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{from_slice, to_vec};
use warmspare_act::documents::{Stored, parse_json};
use warmspare_decide::manifest::{Manifest, Receipt};
use warmspare_decide::prune::Mark;
use warmspare_decide::switch::Switch;
use warmspare_decide::tripwire::VaultSeen;

fn round<T>(bytes: &[u8])
where
    T: Stored + serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    match parse_json::<T>("the/key", bytes) {
        Ok(document) => {
            let written = to_vec(&document).unwrap();
            assert_eq!(from_slice::<T>(&written).unwrap(), document);
        }
        Err(fault) => assert!(fault.to_string().starts_with("reading the/key: "), "{fault}"),
    }
}

fuzz_target!(|bytes: &[u8]| {
    round::<Manifest>(bytes);
    round::<Receipt>(bytes);
    round::<Mark>(bytes);
    round::<Switch>(bytes);
    round::<VaultSeen>(bytes);
});
