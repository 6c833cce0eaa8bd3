//! Where panels stand: within 24 columns, filling them, and on nobody else's place.

use serde_json::Value;

use crate::sources::{list, sources, word};
use crate::{clean, refused};

const COLUMNS: u64 = 24;

fn check(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let places: Vec<(&str, [u64; 4])> = list(dashboard, "panels")
        .iter()
        .map(|panel| {
            let side = |key| panel["gridPos"][key].as_u64().unwrap_or(0);
            (word(panel, "title"), [side("x"), side("y"), side("w"), side("h")])
        })
        .collect();
    for (at, (title, [x, y, w, h])) in places.iter().enumerate() {
        if *w == 0 || *h == 0 || x + w > COLUMNS {
            found.push(format!("{title}: not within the {COLUMNS} columns"));
        }
        for (other, [ox, oy, ow, oh]) in &places[at + 1..] {
            if *x < ox + ow && *ox < x + w && *y < oy + oh && *oy < y + h {
                found.push(format!("{title} and {other} overlap"));
            }
        }
    }
    // Every row of the grid down to the last panel is full: no holes, no ragged right edge.
    let bottom = places.iter().map(|(_, [_, y, _, h])| y + h).max().unwrap_or(0);
    for row in 0..bottom {
        let filled: u64 = places
            .iter()
            .filter(|(_, [_, y, _, h])| *y <= row && row < y + h)
            .map(|(_, [_, _, w, _])| w)
            .sum();
        if filled != COLUMNS {
            found.push(format!("row {row} is {filled} columns wide"));
        }
    }
    found
}

#[test]
fn panels_stand_well() {
    let all = sources().dashboards.iter().flat_map(|(file, dashboard)| {
        check(dashboard).into_iter().map(move |problem| format!("{file}: {problem}"))
    });
    clean(all.collect());
}

#[test]
fn bad_examples() {
    let dashboard = |places: &[[u64; 4]]| {
        let panels = places.iter().map(|[x, y, w, h]| {
            serde_json::json!({"title": format!("{x},{y}"), "gridPos": {"x": x, "y": y, "w": w, "h": h}})
        });
        serde_json::json!({"panels": panels.collect::<Vec<_>>()})
    };
    refused(&check(&dashboard(&[[0, 0, 12, 4], [10, 2, 14, 4]])), "overlap");
    refused(&check(&dashboard(&[[14, 0, 12, 4]])), "not within");
    refused(&check(&dashboard(&[[0, 0, 12, 4], [12, 0, 11, 4]])), "23 columns wide");
    assert_eq!(check(&dashboard(&[[0, 0, 12, 4], [12, 0, 12, 4], [0, 4, 24, 1]])), [] as [String; 0]);
}
