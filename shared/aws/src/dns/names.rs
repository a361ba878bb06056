//! The form of a name: Route 53 lists letters in lower case, a last dot, and an escape for every sign
//! that is none of a host's name
//! (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html>).

/// Lowercase, without the last dot, and without the escapes (`\052` for `*`). A dot or a backslash
/// inside a label keeps its escape, without which it would be another name.
pub(super) fn plain(listed: &str) -> String {
    let listed = listed.strip_suffix('.').unwrap_or(listed);
    let mut pieces = listed.split('\\');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (octal, rest) = piece.split_at_checked(3).unwrap_or(("", piece));
        match u8::from_str_radix(octal, 8) {
            Ok(byte) if byte != b'.' && byte != b'\\' => {
                name.push(char::from(byte));
                name.push_str(rest);
            }
            Ok(_) | Err(_) => {
                name.push('\\');
                name.push_str(piece);
            }
        }
    }
    name.to_ascii_lowercase()
}

/// As Route 53 takes it: letters, digits, `-`, `_`, `.` and `*` as they are, and so what is escaped
/// already; all else escaped.
pub(super) fn escaped(name: &str) -> String {
    name.chars().fold(String::new(), |text, letter| {
        if letter.is_ascii_alphanumeric() || "-_.*\\".contains(letter) {
            text + letter.encode_utf8(&mut [0; 4])
        } else {
            text + &format!("\\{:03o}", u32::from(letter))
        }
    })
}
