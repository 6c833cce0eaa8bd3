//! A row for each thing. The queries' answers are merged on their labels, so all must be aggregated to the same.

use serde_json::{Map, Value, json};

use super::{Kind, Override};
use crate::color::{Mapping, Steps, Tone};
use crate::link::DataLink;
use crate::text::{Language, Text, same};
use crate::unit::Unit;

/// How a cell shows its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// As text.
    Plain,
    /// As text in the value's colour.
    Colored,
    /// As text on a ground of the value's colour.
    Filled,
    /// As a bar, with the text beside it.
    Bar,
}

/// A column: a label, or a query's value.
#[derive(Clone, Debug)]
pub struct Column {
    field: Text,
    title: Text,
    cell: Cell,
    width: Option<u16>,
    unit: Option<Unit>,
    steps: Option<Steps>,
    range: Option<(f64, f64)>,
    mappings: Vec<Mapping>,
    link: Option<DataLink>,
}

impl Column {
    /// A label's value.
    #[must_use]
    pub fn label(label: &'static str, title: Text) -> Self {
        Self::field(same(label), title)
    }

    /// The value of a label that holds a text for people, of which there is one in each language.
    #[must_use]
    pub fn field(label: Text, title: Text) -> Self {
        Self {
            field: label,
            title,
            cell: Cell::Plain,
            width: None,
            unit: None,
            steps: None,
            range: None,
            mappings: Vec::new(),
            link: None,
        }
    }

    /// The value of the query of this letter.
    #[must_use]
    pub fn value(letter: char, title: Text, unit: Unit) -> Self {
        let mut column = Self::field(same(format!("Value #{letter}")), title);
        column.unit = Some(unit);
        column
    }

    /// The value of the only query: Grafana numbers only several.
    #[must_use]
    pub fn only_value(title: Text, unit: Unit) -> Self {
        let mut column = Self::label("Value", title);
        column.unit = Some(unit);
        column
    }

    /// Shown so.
    #[must_use]
    pub fn cell(mut self, cell: Cell) -> Self {
        self.cell = cell;
        self
    }

    /// So many pixels wide; the columns without a width share what is left.
    #[must_use]
    pub fn width(mut self, pixels: u16) -> Self {
        self.width = Some(pixels);
        self
    }

    /// Coloured by these thresholds.
    #[must_use]
    pub fn steps(mut self, steps: Steps) -> Self {
        self.steps = Some(steps);
        self
    }

    /// Bars between these values.
    #[must_use]
    pub fn between(mut self, min: f64, max: f64) -> Self {
        self.range = Some((min, max));
        self
    }

    /// With names for values.
    #[must_use]
    pub fn mappings(mut self, mappings: &[Mapping]) -> Self {
        self.mappings = mappings.to_vec();
        self
    }

    /// With a link from each cell.
    #[must_use]
    pub fn link(mut self, link: DataLink) -> Self {
        self.link = Some(link);
        self
    }

    fn name(&self, language: Language) -> &str {
        self.field.in_language(language)
    }

    fn look(&self, language: Language) -> Override {
        let cell = match self.cell {
            Cell::Plain => json!({"type": "auto"}),
            Cell::Colored => json!({"type": "color-text"}),
            Cell::Filled => json!({"type": "color-background", "mode": "basic"}),
            Cell::Bar => json!({"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}),
        };
        let mut look =
            Override::column(self.name(language)).called(self.title.clone()).set("custom.cellOptions", cell);
        if self.cell == Cell::Filled {
            look = look.tone(Tone::Ground);
        }
        if self.unit.is_none() {
            // The panel's own words are for a table without rows.
            look = look.set("noValue", json!("–"));
            // Else words get the panel's unit, and of moments Grafana reads "npm-4" as a day in April.
            look = look.set("unit", json!("string"));
        }
        if let Some(width) = self.width {
            look = look.set("custom.width", json!(width));
        }
        if let Some(unit) = self.unit {
            look = look.unit(unit);
        }
        if let Some(steps) = &self.steps {
            look = look.steps(steps);
        }
        if let Some((min, max)) = self.range {
            look = look.between(min, max);
        }
        if let Some(link) = &self.link {
            look = look.link(link.clone());
        }
        look.mappings(&self.mappings)
    }
}

/// A table panel.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    sort: Option<(usize, bool)>,
    limit: Option<u16>,
    joined: bool,
}

impl Table {
    /// With these columns, from left to right; what else the answers hold is left out.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        let queries =
            columns.iter().filter(|column| column.name(Language::English).starts_with("Value #")).count();
        Self { columns, joined: queries > 0, ..Self::default() }
    }

    /// The lowest value of the column at `index` first.
    #[must_use]
    pub fn rising(mut self, index: usize) -> Self {
        self.sort = Some((index, false));
        self
    }

    /// The greatest value of the column at `index` first.
    #[must_use]
    pub fn falling(mut self, index: usize) -> Self {
        self.sort = Some((index, true));
        self
    }

    /// Only the first rows of that order.
    #[must_use]
    pub fn limit(mut self, rows: u16) -> Self {
        self.limit = Some(rows);
        self
    }
}

impl Kind for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn options(&self, language: Language) -> Value {
        let sort: Vec<Value> = self
            .sort
            .iter()
            .filter_map(|(index, desc)| Some((self.columns.get(*index)?, desc)))
            .map(|(column, desc)| json!({"displayName": column.title.in_language(language), "desc": desc}))
            .collect();
        json!({
            "showHeader": true, "cellHeight": "sm", "sortBy": sort,
            "footer": {"show": false, "reducer": ["sum"], "countRows": false, "fields": ""},
        })
    }

    fn custom(&self) -> Value {
        json!({"align": "auto", "cellOptions": {"type": "auto"}, "filterable": false, "inspect": false})
    }

    fn overrides(&self, language: Language) -> Vec<Override> {
        self.columns.iter().map(|column| column.look(language)).collect()
    }

    fn transformations(&self, language: Language) -> Vec<Value> {
        let mut steps = Vec::new();
        if self.joined {
            steps.push(json!({"id": "merge", "options": {}}));
        }
        let names: Vec<&str> = self.columns.iter().map(|column| column.name(language)).collect();
        // Keeps what is named and nothing else: a label that comes with a later version shows no new column.
        steps.push(json!({"id": "filterFieldsByName", "options": {"include": {"names": names}}}));
        if let Some((column, desc)) = self.sort.and_then(|(at, desc)| Some((self.columns.get(at)?, desc))) {
            steps.push(json!({"id": "sortBy", "options": {"fields": {}, "sort": [{"field": column.name(language), "desc": desc}]}}));
        }
        if let Some(rows) = self.limit {
            steps.push(json!({"id": "limit", "options": {"limitField": rows}}));
        }
        let order: Map<String, Value> =
            names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), json!(at))).collect();
        steps.push(json!({"id": "organize", "options": {
            "excludeByName": {}, "includeByName": {}, "indexByName": order, "renameByName": {},
        }}));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_columns_in_their_order() {
        let table = Table::new(vec![
            Column::label("target", same("Service")),
            Column::value('B', same("30 d"), Unit::Ratio),
        ])
        .rising(1)
        .limit(8);
        let steps = table.transformations(Language::English);
        let ids: Vec<&str> = steps.iter().filter_map(|step| step["id"].as_str()).collect();
        assert_eq!(ids, ["merge", "filterFieldsByName", "sortBy", "limit", "organize"]);
        assert_eq!(steps[4]["options"]["indexByName"]["Value #B"], 1);
        assert_eq!(table.options(Language::English)["sortBy"][0]["displayName"], "30 d");
    }

    #[test]
    fn a_single_query_needs_no_merge() {
        let table = Table::new(vec![Column::only_value(same("Since"), Unit::Clock)]);
        assert_eq!(table.transformations(Language::English)[0]["id"], "filterFieldsByName");
    }
}
