//! Links: between the dashboards, and from a value to the dashboard that explains it. Both keep what is shown when and of what.

use serde_json::{Value, json};

use crate::text::{Language, Text};

/// The links at the top of the dashboard `uid`: a list of the others, and the same one in each other language.
#[must_use]
pub fn menu(uid: &str, language: Language) -> Value {
    let mut links = vec![json!({
        "type": "dashboards", "title": "farol", "tags": [language.tag()], "asDropdown": true,
        "keepTime": true, "includeVars": true, "targetBlank": false, "icon": "external link", "tooltip": "", "url": "",
    })];
    for other in Language::ALL.into_iter().filter(|other| *other != language) {
        links.push(json!({
            "type": "link", "title": other.name(), "url": format!("/d/{uid}{}", other.suffix()), "tags": [],
            "asDropdown": false, "keepTime": true, "includeVars": true, "targetBlank": false,
            "icon": "doc", "tooltip": "",
        }));
    }
    Value::Array(links)
}

/// From a value to a dashboard.
#[derive(Clone, Debug)]
pub struct DataLink {
    title: Text,
    uid: &'static str,
    variables: Vec<(&'static str, String)>,
    kept: Vec<&'static str>,
    relative: Option<String>,
}

impl DataLink {
    /// To the dashboard `uid`, with the time and the datasource kept.
    #[must_use]
    pub fn to(uid: &'static str, title: Text) -> Self {
        Self { title, uid, variables: Vec::new(), kept: vec!["datasource"], relative: None }
    }

    /// With the variable `name` set to the series's label of that name.
    #[must_use]
    pub fn label(mut self, name: &'static str) -> Self {
        self.variables.push((name, format!("${{__field.labels.{name}}}")));
        self
    }

    /// With the variable `name` set to the row's column of that name.
    #[must_use]
    pub fn column(self, name: &'static str) -> Self {
        self.column_as(name, name)
    }

    /// With the variable `name` set to the row's column `column`.
    #[must_use]
    pub fn column_as(mut self, column: &'static str, name: &'static str) -> Self {
        self.variables.push((name, format!("${{__data.fields[\"{column}\"]}}")));
        self
    }

    /// With a variable of this dashboard, as it stands.
    #[must_use]
    pub fn keep(mut self, name: &'static str) -> Self {
        self.kept.push(name);
        self
    }

    /// The same, to a path that is no dashboard (Grafana's list of alerts).
    #[must_use]
    pub fn path(title: Text, path: &str) -> Self {
        Self { title, uid: "", variables: Vec::new(), kept: Vec::new(), relative: Some(path.to_owned()) }
    }

    /// The model.
    #[must_use]
    pub fn json(&self, language: Language) -> Value {
        let url = self.relative.clone().unwrap_or_else(|| {
            let set = self.variables.iter().map(|(name, value)| format!("var-{name}={value}"));
            let kept = self.kept.iter().map(|name| format!("${{{name}:queryparam}}"));
            let query: Vec<String> = set.chain(kept).chain(["${__url_time_range}".to_owned()]).collect();
            format!("/d/{}{}?{}", self.uid, language.suffix(), query.join("&"))
        });
        json!({"title": self.title.in_language(language), "url": url, "targetBlank": false})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::same;

    #[test]
    fn a_link_keeps_time_datasource_and_language() {
        let link = DataLink::to("farol-services", same("x")).label("target").keep("job");
        assert_eq!(
            link.json(Language::Portuguese)["url"],
            "/d/farol-services-pt?var-target=${__field.labels.target}&${datasource:queryparam}&${job:queryparam}&${__url_time_range}"
        );
        assert_eq!(menu("u-pt", Language::English).as_array().map(Vec::len), Some(2));
    }
}
