//! Base64 as RFC 4648, section 4, reads strictly: padded, without line breaks, and with no bit set
//! that does not belong to a byte, so that each value has exactly one text.

/// The bytes, when the text is right.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut groups = text.as_bytes().chunks(4).peekable();
    while let Some(group) = groups.next() {
        let letters = group.iter().take_while(|letter| **letter != b'=').count();
        let is_padded_right = group.len() == 4
            && letters >= 2
            && group.iter().skip(letters).all(|letter| *letter == b'=')
            && (letters == 4 || groups.peek().is_none());
        if !is_padded_right {
            return None;
        }
        let mut bits: u32 = 0;
        for letter in group.iter().take(letters) {
            bits = bits << 6 | u32::from(value(*letter)?);
        }
        let bits = bits << (6 * (4 - u32::try_from(letters).ok()?));
        let [_, one, two, three] = bits.to_be_bytes();
        let (kept, dropped) = match letters {
            4 => (vec![one, two, three], vec![]),
            3 => (vec![one, two], vec![three]),
            _ => (vec![one], vec![two, three]),
        };
        if dropped.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(kept);
    }
    Some(bytes)
}

fn value(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
