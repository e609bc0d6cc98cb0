//! Files that are no longer what they were, for readers that must say so.

use crate::literals::Random;

/// The bytes with one to three changes: bits and bytes that are others, parts that are moved, left out or come from one of the other files, numbers as large as can be.
pub fn damaged<B: AsRef<[u8]>>(whole: &[u8], others: &[B], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..1 + random.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(16)).min(bytes.len());
        match random.below(13) {
            0..4 => bytes[at] ^= 1 << random.below(8),
            4..7 => bytes[at] = [0, 1, 2, 0x7f, 0x80, 0xff][random.below(6)],
            // As long as before, so that what is around it is whole.
            7..9 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() - part.len() + 1);
                bytes[to..to + part.len()].copy_from_slice(&part);
            }
            9 => bytes.truncate(at),
            // Numbers as large as can be, of as many bytes as there are, and of nine that say that another one follows.
            10 => bytes[at..end].fill(0xff),
            11 => drop(bytes.splice(at..end, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])),
            _ => {
                let other = others[random.below(others.len())].as_ref();
                let from = random.below(other.len());
                let part = other[from..(from + 1 + random.below(64)).min(other.len())].to_vec();
                bytes.splice(at..end, part);
            }
        }
    }
    bytes
}
