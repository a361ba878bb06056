//! Durations as an operator writes them: `30s`, `15m`, `24h`, `7d`.

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The duration in seconds, when the text is one.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (letter, s_each) = UNITS.into_iter().find(|(letter, _)| text.ends_with(*letter))?;
    let number = text.strip_suffix(letter)?;
    let is_plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if is_plain { number.parse::<u64>().ok()?.checked_mul(s_each) } else { None }
}

/// The seconds in the largest unit that leaves no rest.
pub(super) fn shown(duration_s: u64) -> String {
    UNITS.into_iter().find(|(_, s_each)| duration_s.is_multiple_of(*s_each)).map_or_else(
        || format!("{duration_s}s"),
        |(unit, s_each)| format!("{}{unit}", duration_s / s_each),
    )
}
