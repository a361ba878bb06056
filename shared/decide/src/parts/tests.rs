use super::*;

const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;

/// Cuts a stream whose length turns out to be `length_bytes`: how many parts, the size of the last,
/// and the most that is held while they are sent.
fn cut(cut: &Cut, length_bytes: u64) -> Result<(u32, u64, u64), TooLong> {
    let (mut left, mut held_bytes_max) = (length_bytes, 0);
    for number in 1.. {
        let Portion { part_bytes, concurrency } = cut.part(number)?;
        let is_last = left <= part_bytes;
        if number > 1 || !is_last {
            held_bytes_max = held_bytes_max.max(part_bytes * (concurrency + 1));
        }
        if is_last {
            return Ok((number, left, held_bytes_max));
        }
        left -= part_bytes;
    }
    unreachable!()
}

fn known(memory_mb: u64, length_bytes: u64) -> Result<(u32, u64, u64), TooLong> {
    cut(&Cut::of(memory_mb * MIB, None, Some(length_bytes))?, length_bytes)
}

fn unknown(memory_mb: u64) -> Cut {
    Cut::of(memory_mb * MIB, None, None).unwrap()
}

#[test]
fn parts_follow_the_memory() {
    for (memory_mb, part_mib, concurrency) in
        [(128, 16, 3), (256, 25, 4), (512, 32, 4), (1_769, 32, 4), (10_240, 32, 4)]
    {
        let portion = Portion { part_bytes: part_mib * MIB, concurrency };
        assert_eq!(unknown(memory_mb).part(1), Ok(portion), "{memory_mb} MB");
    }
}

/// FB8.
#[test]
fn every_length_is_cut_to_its_last_byte() {
    let part = 16 * MIB;
    for (length_bytes, parts, last_bytes) in [
        (0, 1, 0),
        (1, 1, 1),
        (part - 1, 1, part - 1),
        (part, 1, part),
        (part + 1, 2, 1),
        (7 * part, 7, part),
        (7 * part + 1, 8, 1),
        (10_000 * part, 10_000, part),
    ] {
        let (found, last, _) = known(128, length_bytes).unwrap();
        assert_eq!((found, last), (parts, last_bytes), "{length_bytes} bytes, known");
    }
    for length_bytes in [0, 1, part, part + 1, 7 * part, 1_000 * part] {
        let known = known(128, length_bytes).unwrap();
        assert_eq!(cut(&unknown(128), length_bytes), Ok(known), "{length_bytes} bytes, unknown");
    }
}

#[test]
fn a_long_stream_has_larger_parts_where_its_length_is_known() {
    let (parts, last_bytes, _) = known(512, 10_000 * 32 * MIB + 1).unwrap();
    assert_eq!((parts, last_bytes), (10_000, 32 * MIB + 1 - 9_999));
    let (parts, _, held_bytes) = known(512, TIB).unwrap();
    assert_eq!(parts, 10_000);
    assert!(held_bytes <= 256 * MIB, "{held_bytes}");
}

#[test]
fn a_stream_of_unknown_length_has_growing_parts_and_ends_before_its_numbers_do() {
    let cut_512 = unknown(512);
    let sizes = [1, 1_000, 1_001, 2_000, 2_001, 10_000];
    let mib: Vec<u64> = sizes.iter().map(|n| cut_512.part(*n).unwrap().part_bytes / MIB).collect();
    assert_eq!(mib, [32, 32, 64, 64, 128, 128]);
    // The longest source of all is 1 TiB.
    assert!(cut(&cut_512, TIB).is_ok());
    assert_eq!(cut(&cut_512, cut_512.length_bytes_max()).unwrap().0, PARTS_MAX);
    let too_long = cut(&cut_512, cut_512.length_bytes_max() + 1).unwrap_err();
    assert_eq!(
        too_long.to_string(),
        "it has more bytes than can be sent, and 1174405120000 are the most that a function with \
         this memory can send in 10000 parts"
    );
}

/// G9: the memory is bounded, whatever the length.
#[test]
fn what_is_held_is_never_more_than_half_of_the_memory() {
    for memory_mb in [128, 192, 256, 512, 1_024, 1_769, 3_008, 10_240] {
        let growing = unknown(memory_mb);
        for length_bytes in [GIB, 100 * GIB, growing.length_bytes_max()] {
            let (_, _, held_bytes) = cut(&growing, length_bytes).unwrap();
            assert!(held_bytes <= memory_mb * MIB / 2, "{memory_mb} MB: {held_bytes}");
        }
        let longest = memory_mb * MIB / 4 * 10_000;
        let (_, _, held_bytes) = known(memory_mb, longest).unwrap();
        assert!(held_bytes <= memory_mb * MIB / 2, "{memory_mb} MB: {held_bytes}");
    }
}

#[test]
fn what_is_too_long_is_said_before_a_byte_is_sent() {
    let longest = 10_000 * 32 * MIB;
    assert!(known(128, longest).is_ok());
    assert_eq!(
        known(128, longest + 1).unwrap_err().to_string(),
        "it has 335544320001 bytes, and 335544320000 are the most that a function with this memory \
         can send in 10000 parts"
    );
}

/// 48.8 TiB in all: with enough memory, S3's own limits are the only ones.
#[test]
fn no_part_and_no_object_is_larger_than_s3_allows() {
    let object_bytes_max = u64::from(PARTS_MAX) * PART_BYTES_MAX;
    assert_eq!(object_bytes_max * 10 / TIB, 488);
    let memory_mb = 32 * 1_024;
    assert!(known(memory_mb, object_bytes_max).is_ok());
    let too_long = known(memory_mb, object_bytes_max + 1).unwrap_err();
    assert_eq!(too_long.length_bytes_max, object_bytes_max);
    assert!(unknown(memory_mb).part(PARTS_MAX).unwrap().part_bytes <= PART_BYTES_MAX);
}

#[test]
fn a_size_that_somebody_asked_for_is_taken() {
    let asked = Cut::of(512 * MIB, Some(5 * MIB), None).unwrap();
    assert_eq!(asked.part(1), Ok(Portion { part_bytes: 5 * MIB, concurrency: 4 }));
    let asked = Cut::of(512 * MIB, Some(100 * MIB), None).unwrap();
    assert_eq!(asked.part(1), Ok(Portion { part_bytes: 100 * MIB, concurrency: 1 }));
}

/// G10, in ten-millionths of a US dollar per GiB that is stored and read back, at the list prices of
/// us-east-1: $5 for a million PUTs, $0.4 for a million GETs, $3 for a million KMS requests
/// (<https://aws.amazon.com/s3/pricing/>, <https://aws.amazon.com/kms/pricing/>). Parts of 8 MiB,
/// read back one by one without bucket keys, against ours, read back in one request with them.
#[test]
fn requests_cost_a_third_of_what_small_parts_cost() {
    let per_gib = |puts: u64, gets: u64, kms: u64| puts * 50 + gets * 4 + kms * 30;
    let small = per_gib(128 + 2, 128, 128 + 1);
    for (memory_mb, expected) in [(128, 3_368), (256, 2_218), (512, 1_768), (1_024, 1_768)] {
        let (parts, ..) = known(memory_mb, GIB).unwrap();
        let ours = per_gib(u64::from(parts) + 2, 2, 2);
        assert_eq!(ours, expected, "{memory_mb} MB");
        assert!(ours * 3 <= small, "{memory_mb} MB: {ours} and {small}");
    }
}
