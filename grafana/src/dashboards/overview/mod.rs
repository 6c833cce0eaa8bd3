//! The overview: one screen of 1920×1080, 24 columns by 24 rows. Is something wrong, since when, where, and what comes next.
//!
//! Each exporter adds its tiles by a line in [`TILES`]. They fill the screen whichever there are: a tile that is not there leaves no gap.

mod cluster;
mod tiles;
mod wrong;

pub(super) use tiles::{budget_steps, life_steps, some_is_good, up_words};

use kit::own;

use crate::dashboard::{Band, Dashboard};
use crate::grid;
use crate::panel::Panel;
use crate::query::{Scope, Selector};
use crate::rules::{RuleError, Rules};
use crate::text::text;
use crate::variable::Variable;

/// Which variables the overview's queries obey.
const SCOPE: Scope = Scope { labels: &[] };

/// Where a tile stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    /// One number each, at the top.
    Top,
    /// Over time, in the middle.
    Middle,
    /// The worst of each kind, at the bottom.
    Bottom,
}

/// A tile: where, and what.
type Tile = (Zone, fn(&Rules) -> Result<Panel, RuleError>);

/// Every tile, from left to right and from top to bottom within its zone.
const TILES: &[Tile] = &[
    (Zone::Top, tiles::problems),
    (Zone::Top, tiles::services),
    (Zone::Top, tiles::certificates),
    (Zone::Top, cluster::nodes),
    (Zone::Top, cluster::guests),
    (Zone::Top, cluster::backups),
    (Zone::Top, tiles::exporters),
    (Zone::Middle, wrong::table),
    (Zone::Middle, tiles::durations),
    (Zone::Middle, tiles::states),
    (Zone::Bottom, tiles::uptimes),
    (Zone::Bottom, tiles::expiries),
    (Zone::Bottom, cluster::storages),
    (Zone::Bottom, tiles::processes),
];

/// Heights of the bands of a zone; they add up to 24 rows over all zones.
const fn heights(zone: Zone) -> &'static [u16] {
    match zone {
        Zone::Top => &[3],
        Zone::Middle => &[7, 7],
        Zone::Bottom => &[7],
    }
}

/// The dashboard.
pub(super) fn dashboard(rules: &Rules) -> Result<Dashboard, RuleError> {
    let mut bands = Vec::new();
    for zone in [Zone::Top, Zone::Middle, Zone::Bottom] {
        let tiles: Vec<Panel> = TILES
            .iter()
            .filter(|(of, _)| *of == zone)
            .map(|(_, tile)| tile(rules))
            .collect::<Result<_, _>>()?;
        bands.extend(stack(tiles, heights(zone)));
    }
    Ok(Dashboard {
        uid: super::OVERVIEW,
        title: text("Overview", "Visão geral"),
        description: text(
            "Is something wrong, since when, where, and what comes next: everything on one screen.",
            "Há algo errado, desde quando, onde, e o que vem a seguir: tudo em uma tela.",
        ),
        variables: vec![
            Variable::datasource(),
            Variable::job(Selector::of(&own::BUILD)),
            Variable::instance(Selector::of(&own::BUILD)),
        ],
        annotations: vec![super::firing(super::alerts("firing", "critical").now())],
        bands,
        from: "now-24h",
    })
}

/// Tiles in bands of these heights; when there are fewer tiles than bands, the bands that are left share the height.
fn stack(tiles: Vec<Panel>, heights: &[u16]) -> Vec<Band> {
    let counts = grid::spread(tiles.len(), heights.len());
    let all: u16 = heights.iter().sum();
    let mut tiles = tiles.into_iter();
    let mut bands = Vec::new();
    for (at, count) in counts.iter().enumerate() {
        let height = if counts.len() == heights.len() {
            heights[at]
        } else {
            all / u16::try_from(counts.len()).unwrap_or(1)
        };
        bands.push(tiles.by_ref().take(*count).fold(Band::new(height), |band, tile| band.panel(1, tile)));
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::top;
    use crate::text::Language;

    #[test]
    fn the_overview_is_one_screen() {
        let rules = Rules::read(&top().join("alerts/rules")).unwrap_or_else(|error| panic!("{error}"));
        let dashboard = dashboard(&rules).unwrap_or_else(|error| panic!("{error}"));
        let json = dashboard.json(Language::English);
        let cells: u64 = json["panels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|panel| {
                let side = |key| panel["gridPos"][key].as_u64().unwrap();
                assert!(side("y") + side("h") <= 24 && side("x") + side("w") <= 24, "{}", panel["title"]);
                assert!(side("w") >= if side("h") == 3 { 3 } else { 6 }, "{} is too narrow", panel["title"]);
                side("w") * side("h")
            })
            .sum();
        assert_eq!(cells, 24 * 24, "the tiles leave a gap");
    }
}
