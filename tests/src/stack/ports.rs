//! Free ports for servers that have to be told theirs.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::bail;

/// Below the range from which the kernel takes the local ports of outgoing connections (32768 and
/// up): a server that is stopped and started again finds its port free.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A port of 127.0.0.1 that nobody listens on now, and that this process has not been given lately.
///
/// # Errors
/// When none is free.
pub fn free() -> anyhow::Result<u16> {
    // Processes begin at different places, so that two stacks seldom look at the same port.
    let start = std::process::id().wrapping_mul(61);
    for _ in 0..COUNT {
        let turn = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(turn) % COUNT;
        let port = u16::try_from(port)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port of 127.0.0.1 from {FIRST} to {} is free", FIRST + COUNT - 1);
}

#[cfg(test)]
mod tests {
    #[test]
    fn ports_are_free_and_are_not_given_twice_in_a_row() {
        let (one, other) = (super::free().unwrap(), super::free().unwrap());
        assert_ne!(one, other);
        assert!((20_000..32_000).contains(&one), "{one}");
    }
}
