//! Inputs made of other inputs. Not clever: what it does not find, libFuzzer does; but it runs everywhere, and finds the
//! same at each run.

/// Numbers that look like chance, the same ones for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed and a name, so that no two targets see the same numbers.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        Self(name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`; 0 for 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { usize::try_from(self.next() % bound as u64).unwrap_or_default() }
    }

    fn byte(&mut self) -> u8 {
        /// Bytes that parsers look for, or at whose edges they err.
        const EDGES: &[u8] = b"\x00\x01\x7f\x80\xbf\xc0\xff\r\n\t \"'\\{}[]:;,=&%#*-?!|>@/.0123456789eE+";
        let byte = self.next().to_le_bytes()[0];
        if byte & 1 == 0 { EDGES[self.below(EDGES.len())] } else { self.next().to_le_bytes()[0] }
    }
}

/// The longest input that is made.
pub const LONGEST: usize = 16 * 1024;

/// Makes an input of one of the corpus by a few changes. Of an empty corpus it makes noise.
#[must_use]
pub fn mutate(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let pick = |chance: &mut Chance| corpus.get(chance.below(corpus.len())).cloned().unwrap_or_default();
    let mut input = pick(chance);
    for _ in 0..=chance.below(5) {
        let length = input.len();
        let (from, to) = (chance.below(length + 1), chance.below(length + 1));
        let (from, to) = (from.min(to), from.max(to));
        match chance.below(9) {
            0 if length > 0 => input[from.min(length - 1)] ^= 1 << chance.below(8),
            1 if length > 0 => input[from.min(length - 1)] = chance.byte(),
            2 => input.insert(from, chance.byte()),
            3 => drop(input.drain(from..to.min(from + 1 + chance.below(16)))),
            4 => input.truncate(to),
            // The same again, a few times or very often: what nests and what is quadratic.
            5 => {
                let piece = input[from..to.min(from + 64)].to_vec();
                let times = if chance.below(8) == 0 { 512 } else { 1 + chance.below(8) };
                let more = piece.repeat(times.min(LONGEST / piece.len().max(1)));
                input.splice(from..from, more);
            }
            6 => {
                let other = pick(chance);
                let (begin, end) = (chance.below(other.len() + 1), chance.below(other.len() + 1));
                input.splice(from..to, other[begin.min(end)..begin.max(end)].iter().copied());
            }
            // Two bytes as a length or a pointer would be.
            7 if length > 1 => {
                let at = from.min(length - 2);
                let number = [0, 1, 0x7fff, 0x8000, 0xffff, at as u16, length as u16][chance.below(7)];
                input[at..at + 2].copy_from_slice(&number.to_be_bytes());
            }
            _ => input.extend((0..=chance.below(8)).map(|_| chance.byte())),
        }
        input.truncate(LONGEST);
    }
    input
}
