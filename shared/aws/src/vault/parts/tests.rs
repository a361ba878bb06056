use warmspare_act::fault::Hope;

use super::*;
use crate::replay::Pieces;

fn of_eight_bytes() -> Cut {
    Cut::of(1 << 27, Some(8), None).unwrap()
}

/// The parts of a stream of these pieces, eight bytes each, and the length that was measured.
async fn cut(pieces: &[&'static str]) -> (Vec<(String, bool)>, u64) {
    let mut stream = Measured::new(Pieces::of(pieces));
    let mut parts = Parts::new(&mut stream, "key", of_eight_bytes());
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
    let mut parts = Parts::new(&mut stream, "key", of_eight_bytes());
    assert!(!parts.next().await.unwrap().is_last);
    assert_eq!(parts.next().await.unwrap_err().why, "it broke off");
}

#[tokio::test]
async fn every_part_has_its_number_and_its_checksum() {
    let mut stream = Measured::new(Pieces::of(&["12", "3456789"]));
    let mut parts = Parts::new(&mut stream, "key", of_eight_bytes());
    let (first, last) = (parts.next().await.unwrap(), parts.next().await.unwrap());
    let crc64nvme = |text: &[u8]| warmspare_act::stream::sums_of(text).crc64nvme;
    assert_eq!((first.number, first.crc64nvme), (1, crc64nvme(b"12345678")));
    assert_eq!((last.number, last.crc64nvme), (2, crc64nvme(b"9")));
}

#[tokio::test]
async fn the_memory_of_a_part_that_was_sent_is_that_of_another() {
    let mut stream = Measured::new(Pieces::of(&["12345678", "abcdefgh", "ABCDEFGH", "!"]));
    let mut parts = Parts::new(&mut stream, "key", of_eight_bytes());
    let first = parts.next().await.unwrap();
    let second = parts.next().await.unwrap();
    let place = first.bytes.as_ptr();
    parts.buffers().give_back(first.bytes);
    // Somebody still reads the second.
    parts.buffers().give_back(second.bytes.clone());
    let third = parts.next().await.unwrap();
    assert_eq!((third.bytes.as_ptr(), &third.bytes[..]), (place, &b"ABCDEFGH"[..]));
    assert_eq!(parts.next().await.unwrap().bytes, "!");
    assert_eq!(second.bytes, "abcdefgh");
}

/// What is held stays within the function's memory when parts grow.
#[test]
fn memory_that_has_become_too_small_is_not_kept() {
    let buffers = Buffers::default();
    for length in [8, 8, 8, 16] {
        buffers.give_back(BytesMut::with_capacity(length).freeze());
    }
    assert_eq!(buffers.take(16).capacity(), 16);
    assert!(buffers.0.borrow().is_empty());
}

#[tokio::test]
async fn what_has_more_parts_than_there_are_numbers_is_a_fault() {
    let cut = Cut::of(1 << 27, Some(8), Some(80_000)).unwrap();
    let mut stream = Measured::new(Pieces::of(&["12345678"; 10_001]));
    let mut parts = Parts::new(&mut stream, "key", cut);
    for number in 1..=10_000 {
        assert_eq!(parts.next().await.unwrap().number, number);
    }
    let fault = parts.next().await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert!(fault.why.starts_with("it has more bytes than can be sent, and 80000 are"), "{fault}");
}
