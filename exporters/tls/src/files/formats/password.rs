//! The passwords that a file may open with, and how much work it may ask for.

use kit::config::Secret;

use crate::files::faults::Fault;

/// The most rounds of hashing that one file may cost, of all its parts and all passwords: OpenSSL asks for 2,048 a part,
/// Java for 10,000; a hostile file for four thousand million.
pub(super) const ROUNDS: u64 = 2_000_000;

/// A password.
#[derive(Clone, Copy, Debug)]
pub(super) struct Password<'a> {
    pub(super) text: &'a str,
    /// PKCS#12 ends a password with a zero; of none at all, some programs leave that out.
    ended: bool,
}

impl Password<'_> {
    /// As PKCS#12's own derivation has it: UTF-16, the larger byte first, with a zero at its end.
    pub(super) fn pkcs12(&self) -> Vec<u8> {
        let end = self.ended.then_some(0);
        self.text.encode_utf16().chain(end).flat_map(u16::to_be_bytes).collect()
    }
}

/// What a file is opened with.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    passwords: &'a [Secret],
    /// The one that has opened a part of the file.
    found: Option<Password<'a>>,
    left: u64,
}

impl<'a> Opening<'a> {
    pub(super) fn new(passwords: &'a [Secret], rounds: u64) -> Self {
        Self { passwords, found: None, left: rounds }
    }

    /// Takes rounds of work from what the file may cost.
    pub(super) fn spend(&mut self, rounds: u32, blocks: usize) -> Result<(), Fault> {
        let cost = u64::from(rounds).saturating_mul(u64::try_from(blocks).unwrap_or(u64::MAX));
        self.left = self.left.checked_sub(cost).ok_or(Fault::TooExpensive)?;
        Ok(())
    }

    /// The first outcome that is not a wrong password; the empty password comes first, and one that has opened a part
    /// of the file is the only one.
    pub(super) fn each<T>(
        &mut self,
        mut attempt: impl FnMut(&Password<'_>, &mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if let Some(found) = self.found {
            return attempt(&found, self);
        }
        let empty = [true, false].map(|ended| Password { text: "", ended });
        let given = self.passwords;
        let given = given.iter().map(|secret| Password { text: secret.expose(), ended: true });
        for password in empty.into_iter().chain(given) {
            match attempt(&password, self) {
                Err(Fault::WrongPassword) => {}
                Ok(outcome) => {
                    self.found = Some(password);
                    return Ok(outcome);
                }
                Err(fault) => return Err(fault),
            }
        }
        Err(Fault::WrongPassword)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_pkcs12_has_it() {
        for (text, ended, want) in
            [("", true, &[0, 0][..]), ("", false, &[]), ("aß", true, &[0, 0x61, 0, 0xdf, 0, 0])]
        {
            assert_eq!(Password { text, ended }.pkcs12(), want);
        }
    }

    #[test]
    fn the_one_that_opens_is_kept_and_work_is_bounded() {
        let passwords = ["a", "b"].map(Secret::new);
        let mut opening = Opening::new(&passwords, 10);
        let mut tried = Vec::new();
        let mut open = |opening: &mut Opening<'_>| {
            opening.each(|password, opening| {
                tried.push(password.text.to_owned());
                opening.spend(1, 2)?;
                if password.text == "a" { Ok(()) } else { Err(Fault::WrongPassword) }
            })
        };
        assert_eq!([open(&mut opening), open(&mut opening)], [Ok(()), Ok(())]);
        assert_eq!(open(&mut opening), Ok(()));
        assert_eq!(open(&mut opening), Err(Fault::TooExpensive));
        assert_eq!(tried, ["", "", "a", "a", "a", "a"]);
    }
}
