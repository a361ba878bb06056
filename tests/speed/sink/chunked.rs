//! The encoding in which SDKs send a checksum after a body:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>.

/// Takes the frame off, as the bytes come.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    line: Vec<u8>,
    left: usize,
    in_trailers: bool,
}

impl Chunked {
    /// Hands on what is content.
    pub(super) fn feed(&mut self, mut bytes: &[u8], content: &mut dyn FnMut(&[u8])) {
        while let Some(first) = bytes.first() {
            if self.left > 0 {
                let (inside, after) = bytes.split_at(self.left.min(bytes.len()));
                content(inside);
                self.left -= inside.len();
                bytes = after;
                continue;
            }
            bytes = bytes.get(1..).unwrap_or_default();
            if *first == b'\n' {
                self.end_line();
            } else if *first != b'\r' {
                self.line.push(*first);
            }
        }
    }

    /// `10000` or `10000;chunk-signature=…`; the blank line after a chunk; trailers.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let size = text.split(';').next().unwrap_or_default();
        if self.in_trailers || size.is_empty() {
            return;
        }
        self.left = usize::from_str_radix(size, 16).unwrap_or_default();
        self.in_trailers = self.left == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_what_is_left_however_the_bytes_arrive() {
        let sent = b"5;chunk-signature=ab\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n";
        for step in 1..sent.len() {
            let mut chunked = Chunked::default();
            let mut content = Vec::new();
            for piece in sent.chunks(step) {
                chunked.feed(piece, &mut |bytes| content.extend_from_slice(bytes));
            }
            assert_eq!(content, b"hello world", "in steps of {step}");
        }
    }
}
