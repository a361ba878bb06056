use warmspare_act::fault::Hope;

use super::*;
use crate::replay::Pieces;

/// The parts of a stream of these pieces, eight bytes each, and the length that was measured.
async fn cut(pieces: &[&'static str]) -> (Vec<(String, bool)>, u64) {
    let mut stream = Measured::new(Pieces::of(pieces));
    let mut parts = Parts::new(&mut stream, 8);
    let mut given = Vec::new();
    loop {
        let part = parts.next().await.unwrap();
        given.push((String::from_utf8(part.bytes.to_vec()).unwrap(), part.is_last));
        if part.is_last {
            return (given, stream.sums().size_bytes);
        }
    }
}

fn expected(parts: &[&str]) -> Vec<(String, bool)> {
    let last = parts.len() - 1;
    parts.iter().enumerate().map(|(n, part)| ((*part).to_owned(), n == last)).collect()
}

#[tokio::test]
async fn every_length_is_cut_where_it_should_be() {
    for (pieces, parts) in [
        (&[][..], &[""][..]),
        (&["", ""], &[""]),
        (&["a"], &["a"]),
        (&["1234567"], &["1234567"]),
        (&["12345678"], &["12345678"]),
        (&["1234", "5678"], &["12345678"]),
        (&["1234", "5678", ""], &["12345678"]),
        (&["123456789"], &["12345678", "9"]),
        (&["12345678", "9"], &["12345678", "9"]),
        (&["1234567812345678"], &["12345678", "12345678"]),
        (&["1", "2345678123", "45678", "abc"], &["12345678", "12345678", "abc"]),
    ] {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        assert_eq!(
            cut(pieces).await,
            (expected(parts), u64::try_from(length).unwrap()),
            "{pieces:?}"
        );
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_gives_its_fault_and_no_last_part() {
    let broken = Fault::new(Hope::Retryable, "reading", "the source", "it broke off");
    let mut stream = Measured::new(Pieces::of(&["12345678", "1234"]).then(broken));
    let mut parts = Parts::new(&mut stream, 8);
    assert!(!parts.next().await.unwrap().is_last);
    assert_eq!(parts.next().await.unwrap_err().why, "it broke off");
}
