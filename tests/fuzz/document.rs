//! Whatever lies in the vault under a name of ours: what can be read is written again as what it was, and
//! what cannot be read is a fault that names the key. An inventory, which is read row by row, counts what it
//! lists.
#![no_main]

use futures_util::FutureExt as _;
use libfuzzer_sys::fuzz_target;
use serde_json::{from_slice, to_vec};
use warmspare_act::documents::{Stored, parse_json};
use warmspare_act::fault::Fault;
use warmspare_act::inventory::Rows;
use warmspare_act::stream::Whole;
use warmspare_decide::manifest::{Manifest, Receipt};
use warmspare_decide::prune::Mark;
use warmspare_decide::skew::Skew;
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

async fn read(bytes: &[u8]) -> Result<u64, Fault> {
    let (_, mut rows) = Rows::open(Whole::of(bytes.to_vec()), "the/key").await?;
    let mut read = 0;
    while rows.next().await?.is_some() {
        read += 1;
    }
    assert!(rows.tail().is_some(), "it has ended without an end");
    Ok(read)
}

fn inventory(bytes: &[u8]) {
    // What is all there is never waited for.
    if let Err(fault) = read(bytes).now_or_never().unwrap() {
        assert!(fault.to_string().starts_with("reading the inventory the/key: "), "{fault}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    round::<Manifest>(bytes);
    round::<Receipt>(bytes);
    round::<Mark>(bytes);
    round::<Skew>(bytes);
    round::<Switch>(bytes);
    round::<VaultSeen>(bytes);
    inventory(bytes);
});
