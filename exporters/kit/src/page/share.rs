//! Label values that many samples have lie in a page once, and are hashed once: a guest's dozen samples, each in a family of
//! its own, and whole pages that are taken over.

use std::hash::{BuildHasher, Hasher};

use super::{Dropped, Page, Row, Rows, Value};

/// Label values that lie in a page, for as many of its samples as have them: [`Page::labels`] makes it, [`Rows::push_at`] takes
/// it. Good for the page that made it alone.
#[derive(Clone, Copy, Debug)]
pub struct Labels {
    pub(super) first: u32,
    pub(super) spans: u16,
    pub(super) hash: u64,
}

impl Page {
    /// Puts label values into the page, for samples to come.
    pub fn labels(&mut self, values: &[&str]) -> Labels {
        let hash = self.hash(values.iter().copied());
        let (first, spans) = self.write(values.iter().copied());
        Labels { first, spans, hash }
    }

    /// The hash of label values. With a key of the page's own: values come from far, and might be made to collide.
    pub(super) fn hash<'a>(&self, parts: impl Iterator<Item = &'a str>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for part in parts {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }

    /// Takes note that a family has a sample with these label values; whether it is the first.
    pub(super) fn note(&mut self, family: u16, hash: u64) -> bool {
        // Families are told apart by an odd multiplier: what lies in a hash that nobody can guess stays unguessed.
        let family = (u64::from(family) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.seen.insert(hash ^ family)
    }

    /// Takes over every family and sample of `other`, as [`Page::absorb`] does; a page that is still blank becomes it, without
    /// a copy.
    pub fn take(&mut self, other: Page) {
        if self.is_blank() && other.grows() {
            *self = other;
        } else {
            self.absorb(&other);
        }
    }

    /// Whether it still knows its samples, so that it can tell doubled ones.
    pub(super) fn grows(&self) -> bool {
        self.seen.len() == self.rows.len()
    }

    /// Whether nothing was ever put into it.
    pub(super) fn is_blank(&self) -> bool {
        self.families.is_empty() && self.dropped.is_empty()
    }

    /// Every sample of `other`, without what it dropped. Label values that its samples share are shared here, too.
    pub(crate) fn absorb_samples(&mut self, other: &Page) {
        // What became of a family: not met yet, refused, or its number here.
        let mut families: Vec<Option<Option<u16>>> = vec![None; other.families.len()];
        let mut known: Vec<Option<Labels>> = vec![None; other.ends.len() + 1];
        for row in &other.rows {
            let desc = &other.families[usize::from(row.family)];
            let family = match families[usize::from(row.family)] {
                Some(family) => {
                    if family.is_none() {
                        self.drop_row(desc.name, Dropped::Family);
                    }
                    family
                }
                None => {
                    let family = self.family(desc).family;
                    families[usize::from(row.family)] = Some(family);
                    family
                }
            };
            let Some(family) = family else { continue };
            let place = &mut known[row.first as usize];
            let labels = match *place {
                // Samples without labels begin where the next ones do.
                Some(labels) if labels.spans == row.spans => labels,
                _ => {
                    let hash = self.hash(other.spans(row));
                    let (first, spans) = self.write(other.spans(row));
                    *place.insert(Labels { first, spans, hash })
                }
            };
            if self.note(family, labels.hash) {
                let Labels { first, spans, .. } = labels;
                self.rows.push(Row { value: row.value.clone(), first, spans, family });
            } else {
                self.drop_row(desc.name, Dropped::Duplicate);
            }
        }
    }
}

impl Rows<'_> {
    /// Adds a sample with label values that lie in the page already, as many as the [`crate::Desc`] has names.
    pub fn push_at(&mut self, labels: Labels, value: f64) -> &mut Self {
        let Some(family) = self.family else { return self };
        let value = Value::Number(value);
        let Labels { first, spans, hash } = labels;
        // Those of another page would point anywhere.
        let is_here = first as usize + usize::from(spans) <= self.page.ends.len();
        let refused =
            if is_here { self.refuse(usize::from(spans), &[], &value) } else { Some(Dropped::Arity) };
        if let Some(why) = refused {
            self.page.drop_row(self.desc.name, why);
        } else if self.page.note(family, hash) {
            self.page.rows.push(Row { value, first, spans, family });
        } else {
            self.page.drop_row(self.desc.name, Dropped::Duplicate);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desc::Desc;

    const A: Desc = Desc::gauge("a", "A.").labels(&["x", "y"]);
    const B: Desc = Desc::gauge("b", "B.").labels(&["x", "y"]);
    const C: Desc = Desc::counter("c_total", "C.").labels(&["x"]);
    const BARE: Desc = Desc::gauge("bare", "Without labels.");
    const OTHER: Desc = Desc::gauge("b", "Another B.").labels(&["x", "y"]);

    fn page() -> Page {
        let mut page = Page::new();
        let (one, two) = (page.labels(&["1", "ab"]), page.labels(&["1a", "b"]));
        for desc in [&A, &B] {
            page.family(desc).push_at(one, 1.0).push_at(two, 2.0);
        }
        page.set(&BARE, 3.0);
        page.family(&C).push(&["z"], 4.0);
        page
    }

    #[test]
    fn shared_labels_are_there_once_and_guarded_as_others() {
        let mut page = page();
        assert_eq!(page.text, "1ab1abz");
        assert_eq!(page.get("b", &[("x", "1a"), ("y", "b")]), Some(2.0));
        let again = page.labels(&["1", "ab"]);
        page.family(&A).push_at(again, 9.0).push(&["1", "ab"], 9.0);
        page.family(&C).push_at(again, 1.0);
        let far = Labels { first: 1000, ..again };
        page.family(&A).push_at(far, 1.0);
        let why: Vec<Dropped> = page.dropped().iter().map(|(_, why)| *why).collect();
        assert_eq!(why, [Dropped::Duplicate, Dropped::Duplicate, Dropped::Arity, Dropped::Arity]);
    }

    #[test]
    fn pages_that_are_taken_over_stay_what_they_were() {
        let facts = |page: &Page| -> Vec<String> {
            let fact = |sample: super::super::Sample<'_>| {
                format!("{} {:?} {:?}", sample.desc.name, sample.labels().collect::<Vec<_>>(), sample.value)
            };
            page.samples().map(fact).collect()
        };
        let mut taken = Page::new();
        taken.take(page());
        assert_eq!(facts(&taken), facts(&page()));
        let mut kept = page();
        kept.finish();
        let mut doubled = Page::new();
        doubled.absorb(&kept);
        doubled.absorb(&kept);
        assert_eq!(
            (doubled.len(), doubled.dropped().len()),
            (6, 6),
            "also of one that does not grow any more"
        );
        let mut more = Page::new();
        more.family(&C).push(&["y"], 1.0);
        more.absorb(&page());
        assert_eq!(more.len(), 7);
        assert_eq!(more.text, "y1ab1abz", "what is shared stays shared");
        more.take(page());
        assert_eq!((more.len(), more.dropped().len()), (7, 6), "the same again is doubled");
        let mut strange = Page::new();
        strange.family(&OTHER).push(&["1", "q"], 1.0);
        strange.absorb(&page());
        let refused = strange.dropped().iter().filter(|(name, why)| (*name, *why) == ("b", Dropped::Family));
        assert_eq!((refused.count(), strange.len()), (2, 5), "each sample of a family that is another's");
    }
}
