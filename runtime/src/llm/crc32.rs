//! CRC-32 as in IEEE 802.3 and gzip: the checksum of binary event streams.

/// The polynomial with its bits reversed, because the lowest bit of a byte comes first.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// The checksum of each byte.
static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < u8::BITS {
            crc = if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ POLYNOMIAL };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

/// The checksum of the bytes so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crc32(u32);

impl Crc32 {
    pub(super) const NEW: Self = Self(u32::MAX);

    /// Returns the checksum of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> u32 {
        let mut crc = Self::NEW;
        crc.update(bytes);
        crc.value()
    }

    /// Adds the bytes that come next.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let index = self.0.to_le_bytes()[0] ^ byte;
            self.0 = (self.0 >> 8) ^ TABLE[usize::from(index)];
        }
    }

    pub(super) const fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Crc32;

    #[test]
    fn crc32_equals_the_published_check_value() {
        assert_eq!(Crc32::of(b"123456789"), 0xCBF4_3926);
        assert_eq!(Crc32::of(b""), 0);
        let mut crc = Crc32::NEW;
        b"123456789".chunks(2).for_each(|part| crc.update(part));
        assert_eq!(crc.value(), 0xCBF4_3926);
    }
}
