//! Variables: what a dashboard shows is chosen at its top.

use serde_json::{Value, json};

use crate::query::{DATASOURCE, Selector};
use crate::text::{Language, Text, same, text};

/// A variable of a dashboard.
#[derive(Clone, Debug)]
pub struct Variable {
    name: &'static str,
    label: Text,
    /// The label's values of which series; `None`: the datasources themselves.
    series: Option<Selector>,
}

impl Variable {
    /// Which Prometheus is asked.
    #[must_use]
    pub fn datasource() -> Self {
        Self { name: "datasource", label: text("Data source", "Fonte de dados"), series: None }
    }

    /// The values of the label `name` on the series, any number of them at once.
    #[must_use]
    pub fn label(name: &'static str, label: Text, series: Selector) -> Self {
        Self { name, label, series: Some(series) }
    }

    /// The job of the series.
    #[must_use]
    pub fn job(series: Selector) -> Self {
        Self::label("job", same("Job"), series)
    }

    /// The instance of the series, among the chosen jobs.
    #[must_use]
    pub fn instance(series: Selector) -> Self {
        Self::label("instance", text("Instance", "Instância"), series.like("job", "$job"))
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.series.clone().map(|series| series.now().problems().to_vec()).unwrap_or_default()
    }

    /// The model.
    #[must_use]
    pub fn json(&self, language: Language) -> Value {
        let label = self.label.in_language(language);
        let Some(series) = &self.series else {
            return json!({
                "type": "datasource", "name": self.name, "label": label, "query": "prometheus", "regex": "",
                "multi": false, "includeAll": false, "hide": 0, "refresh": 1, "options": [], "current": {},
                "skipUrlSync": false,
            });
        };
        let query = format!("label_values({}, {})", series.clone().now(), self.name);
        json!({
            "type": "query", "name": self.name, "label": label,
            "datasource": {"type": "prometheus", "uid": DATASOURCE},
            "definition": query, "query": {"query": query, "refId": self.name, "qryType": 1},
            "multi": true, "includeAll": true, "allValue": ".+", "refresh": 2, "sort": 1, "regex": "", "hide": 0,
            "options": [], "current": {"text": ["All"], "value": ["$__all"]}, "skipUrlSync": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Desc;

    #[test]
    fn the_instance_is_chosen_among_the_jobs() {
        const BUILD: Desc = Desc::info("x_build_info", "X.");
        let json = Variable::instance(Selector::of(&BUILD)).json(Language::English);
        assert_eq!(json["definition"], r#"label_values(x_build_info{job=~"$job"}, instance)"#);
        assert_eq!(
            (&json["allValue"], &json["multi"], &json["refresh"]),
            (&json!(".+"), &json!(true), &json!(2))
        );
    }
}
