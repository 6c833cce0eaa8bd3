//! Where panels stand: bands from top to bottom, and in a band widths by weight that fill the screen. Nothing can overlap, and a
//! panel that is not there leaves no gap.

/// The width of a dashboard, in columns.
pub const COLUMNS: u16 = 24;

/// A panel's place, in columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Columns to its left.
    pub x: u16,
    /// Rows above it.
    pub y: u16,
    /// Its width.
    pub w: u16,
    /// Its height.
    pub h: u16,
}

/// The widths of panels side by side, in proportion to their weights, without a column left over. What does not divide
/// goes to the first of those that lost most.
#[must_use]
pub fn widths(weights: &[u16]) -> Vec<u16> {
    let sum: u16 = weights.iter().sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let mut widths: Vec<u16> = weights.iter().map(|weight| weight * COLUMNS / sum).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(weights[at] * COLUMNS % sum));
    let left = COLUMNS - widths.iter().sum::<u16>();
    for at in order.into_iter().take(usize::from(left)) {
        widths[at] += 1;
    }
    widths
}

/// The places of panels side by side at `y`.
#[must_use]
pub fn band(y: u16, h: u16, weights: &[u16]) -> Vec<Place> {
    let mut x = 0;
    widths(weights)
        .into_iter()
        .map(|w| {
            let place = Place { x, y, w, h };
            x += w;
            place
        })
        .collect()
}

/// How many panels stand in each of `bands` bands when `panels` are spread over them as evenly as can be, the fuller
/// bands first. Bands that would be empty are left out.
#[must_use]
pub fn spread(panels: usize, bands: usize) -> Vec<usize> {
    let bands = bands.min(panels);
    (0..bands).map(|at| panels / bands + usize::from(at < panels % bands)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_fill_the_screen() {
        for count in 1..=12 {
            let widths = widths(&vec![1; count]);
            assert_eq!(widths.iter().sum::<u16>(), COLUMNS, "{count}");
            assert!(widths.iter().max().unwrap() - widths.iter().min().unwrap() <= 1, "{count}: {widths:?}");
        }
        assert_eq!(widths(&[1, 1, 1, 1, 1, 1, 1]), [4, 4, 4, 3, 3, 3, 3]);
        assert_eq!(widths(&[2, 1]), [16, 8]);
        assert_eq!(widths(&[3, 2, 2]), [10, 7, 7]);
    }

    #[test]
    fn panels_of_a_band_touch_and_do_not_overlap() {
        let places = band(4, 7, &[5, 3, 3]);
        assert_eq!(places[0], Place { x: 0, y: 4, w: 11, h: 7 });
        for pair in places.windows(2) {
            assert_eq!(pair[0].x + pair[0].w, pair[1].x);
        }
    }

    #[test]
    fn panels_spread_over_bands() {
        assert_eq!(spread(3, 2), [2, 1]);
        assert_eq!(spread(5, 2), [3, 2]);
        assert_eq!(spread(1, 2), [1]);
        assert_eq!(spread(0, 2), [] as [usize; 0]);
    }
}
