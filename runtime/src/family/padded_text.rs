//! Text that is copied as an array.

/// A text that is copied often. A text of at most `N` bytes is copied as an array of `N` bytes,
/// which is a few instructions.
///
/// A metrics page consists of many copies of short texts. A copy of a variable number of bytes is a
/// call of `memcpy`, which takes longer than the copy itself if the text is short.
pub(crate) struct PaddedText<const N: usize> {
    text: Vec<u8>,
    /// The first `N` bytes of the text. The bytes behind a shorter text have no meaning.
    start: [u8; N],
}

impl<const N: usize> Default for PaddedText<N> {
    fn default() -> Self {
        Self { text: Vec::new(), start: [0; N] }
    }
}

impl<const N: usize> From<String> for PaddedText<N> {
    fn from(text: String) -> Self {
        let mut padded = Self { text: text.into_bytes(), start: [0; N] };
        padded.copy_start();
        padded
    }
}

impl<const N: usize> PaddedText<N> {
    /// Replaces the text by the text that `write` appends.
    pub(crate) fn set(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.text.clear();
        write(&mut self.text);
        self.copy_start();
    }

    fn copy_start(&mut self) {
        for (to, from) in self.start.iter_mut().zip(&self.text) {
            *to = *from;
        }
    }

    /// Writes the text to the start of `to`, and returns the rest of `to`. Up to `N` bytes
    /// of `to` are overwritten, also behind the text.
    ///
    /// Returns `None` if `to` is shorter than the text, or shorter than `N` bytes.
    #[inline]
    pub(crate) fn put<'a>(&self, to: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let len = self.text.len();
        if len <= N {
            *to.first_chunk_mut::<N>()? = self.start;
        } else {
            to.get_mut(..len)?.copy_from_slice(&self.text);
        }
        to.get_mut(len..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_texts_of_all_lengths_are_copied_without_their_padding() {
        let mut buffer = vec![0; 20_000];
        let mut to = &mut buffer[..];
        let mut expected = String::new();
        let mut padded = PaddedText::<32>::default();
        for length in (0..100).chain((0..100).rev()) {
            let text: String = ('a'..='z').cycle().take(length).collect();
            padded.set(|out| out.extend_from_slice(text.as_bytes()));
            to = padded.put(to).expect("the buffer is long enough");
            to = PaddedText::<32>::from(text.clone()).put(to).expect("the buffer is long enough");
            expected.extend([&*text, &*text]);
        }
        assert_eq!(&buffer[..expected.len()], expected.as_bytes());
    }

    #[test]
    fn padded_texts_do_not_pass_the_end_of_a_buffer() {
        let put = |length, room| {
            PaddedText::<32>::from("x".repeat(length))
                .put(&mut vec![0; room])
                .map(|rest| rest.len())
        };
        assert_eq!((put(3, 32), put(3, 31)), (Some(29), None));
        assert_eq!((put(40, 40), put(40, 39)), (Some(0), None));
    }
}
