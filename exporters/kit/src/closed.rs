//! A closed set: an enum whose values are the values of a label, each declared once with its word and what it means.

/// Declares the enum, its `word`, and the table of all words with what they mean, in the order of the declaration: what
/// [`crate::Desc::closed`] wants.
///
/// ```
/// kit::closed_set! {
///     /// Why it failed.
///     pub enum Reason;
///     /// Every reason with what it means.
///     pub const REASONS;
///     TooLate = "too_late": "It did not come in time.",
///     NotThere = "not_there": "There is none.",
/// }
/// assert_eq!(Reason::TooLate.word(), "too_late");
/// assert_eq!(REASONS[1], ("not_there", "There is none."));
/// ```
#[macro_export]
macro_rules! closed_set {
    (
        $(#[$about:meta])* $seen:vis enum $name:ident;
        $(#[$tabled:meta])* $shown:vis const $table:ident;
        $($value:ident = $word:literal: $meaning:literal,)+
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $seen enum $name {
            $(#[doc = $meaning] $value,)+
        }

        impl $name {
            /// The value of the label.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$value => $meaning,)+
                }
            }

            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$value,)+];
        }

        $(#[$tabled])*
        $shown const $table: &[(&str, &str)] = &[$(($word, $meaning),)+];
    };
}
