//! A query taken apart: which metrics it names, with which matchers, below which functions.

use promql_parser::label::Matcher;
use promql_parser::parser::{
    BinaryExpr, Expr, LabelModifier, VectorMatchCardinality, VectorSelector, parse, token,
};

/// A metric as a query names it.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    /// Its name.
    pub(crate) metric: String,
    /// The matchers: label, operator and value.
    pub(crate) matchers: Vec<(String, String, String)>,
    /// The functions around it, the innermost first.
    pub(crate) functions: Vec<String>,
}

/// Everything of a query that the rules ask about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// Its metrics.
    pub(crate) uses: Vec<Use>,
    /// Labels in `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`.
    pub(crate) labels: Vec<String>,
    /// Labels that the query itself makes: `label_replace`, `label_join`, `count_values`.
    pub(crate) made: Vec<String>,
    /// Aggregations and functions.
    pub(crate) calls: Vec<String>,
    /// Divisors that are a growth of counters and may be nothing.
    pub(crate) unguarded: Vec<String>,
}

/// Durations in place of Grafana's variables; label variables stand in strings, which parse as they are.
pub(crate) fn substitute(query: &str) -> String {
    // The longer names first: one begins with another.
    [("$__rate_interval", "5m"), ("$__interval", "1m"), ("$__range", "1d")]
        .iter()
        .fold(query.to_owned(), |query, (variable, value)| query.replace(variable, value))
}

/// Takes a query apart.
pub(crate) fn query(text: &str) -> Result<Query, String> {
    let expr = parse(&substitute(text)).map_err(|error| format!("does not parse: {error}: {text}"))?;
    let mut query = Query::default();
    walk(&expr, &mut Vec::new(), &mut query);
    Ok(query)
}

fn walk(expr: &Expr, functions: &mut Vec<String>, query: &mut Query) {
    match expr {
        Expr::Aggregate(aggregate) => {
            let name = aggregate.op.to_string();
            query.calls.push(name.clone());
            query.labels.extend(modifier(aggregate.modifier.as_ref()));
            if let (Some(Expr::StringLiteral(label)), "count_values") =
                (aggregate.param.as_deref(), name.as_str())
            {
                query.made.push(label.val.clone());
            }
            functions.push(name);
            walk(&aggregate.expr, functions, query);
            functions.pop();
        }
        Expr::Unary(unary) => walk(&unary.expr, functions, query),
        Expr::Binary(binary) => {
            if let Some(modifier_of) = &binary.modifier {
                query.labels.extend(modifier(modifier_of.matching.as_ref()));
                if let VectorMatchCardinality::ManyToOne(labels) | VectorMatchCardinality::OneToMany(labels) =
                    &modifier_of.card
                {
                    query.labels.extend(labels.labels.iter().cloned());
                }
            }
            unguarded(binary, query);
            walk(&binary.lhs, functions, query);
            walk(&binary.rhs, functions, query);
        }
        Expr::Paren(paren) => walk(&paren.expr, functions, query),
        Expr::Subquery(subquery) => walk(&subquery.expr, functions, query),
        Expr::VectorSelector(selector) => query.uses.push(used(selector, functions)),
        Expr::MatrixSelector(matrix) => query.uses.push(used(&matrix.vs, functions)),
        Expr::Call(call) => {
            query.calls.push(call.func.name.to_owned());
            if let ("label_replace" | "label_join", Some(Expr::StringLiteral(label))) =
                (call.func.name, call.args.args.get(1).map(|arg| &**arg))
            {
                query.made.push(label.val.clone());
            }
            functions.push(call.func.name.to_owned());
            for argument in &call.args.args {
                walk(argument, functions, query);
            }
            functions.pop();
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn modifier(modifier: Option<&LabelModifier>) -> Vec<String> {
    match modifier {
        Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) => labels.labels.clone(),
        None => Vec::new(),
    }
}

fn used(selector: &VectorSelector, functions: &[String]) -> Use {
    let named = selector.matchers.matchers.iter().find(|matcher| matcher.name == "__name__");
    let metric = selector.name.clone().or_else(|| named.map(|matcher| matcher.value.clone()));
    let matchers = selector.matchers.matchers.iter().map(|Matcher { op, name, value }| {
        let operator = op.to_string();
        (name.clone(), operator, value.clone())
    });
    Use {
        metric: metric.unwrap_or_default(),
        matchers: matchers.collect(),
        functions: functions.iter().rev().cloned().collect(),
    }
}

/// A division by how much counters grew, which is nothing when nothing happened.
fn unguarded(binary: &BinaryExpr, query: &mut Query) {
    if binary.op.id() == token::T_DIV && grows(&binary.rhs) && !guarded(&binary.rhs) {
        query.unguarded.push(binary.rhs.to_string());
    }
}

fn grows(expr: &Expr) -> bool {
    let mut inner = Query::default();
    walk(expr, &mut Vec::new(), &mut inner);
    inner.calls.iter().any(|call| {
        ["rate", "increase", "irate", "sum_over_time", "count_over_time"].contains(&call.as_str())
    })
}

fn guarded(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => guarded(&paren.expr),
        Expr::Binary(binary) => binary.op.is_comparison_operator(),
        Expr::Call(call) => call.func.name == "clamp_min",
        Expr::Aggregate(aggregate) => guarded(&aggregate.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_apart() {
        let query = query(
            r#"sum by (target) (rate(a_total{job=~"$job",reason!="x"}[$__rate_interval])) / on (target) group_left (team) label_replace(b, "target", "$1", "name", "(.*)")"#,
        )
        .unwrap();
        let names: Vec<&str> = query.uses.iter().map(|used| used.metric.as_str()).collect();
        assert_eq!(names, ["a_total", "b"]);
        assert_eq!(query.uses[0].functions, ["rate", "sum"]);
        assert_eq!(query.uses[0].matchers[0], ("job".to_owned(), "=~".to_owned(), "$job".to_owned()));
        assert_eq!(query.labels, ["target", "team", "target"]);
        assert_eq!(query.made, ["target"]);
    }

    #[test]
    fn newer_promql_is_read() {
        for text in ["a @ end()", "last_over_time(a[$__range])", "a[1d:1h] offset 5m", "topk by (x) (1, a)"] {
            assert!(query(text).is_ok() || text.starts_with("a["), "{text}: {:?}", query(text).err());
        }
    }

    #[test]
    fn what_does_not_parse_is_told() {
        assert!(query("sum by (a (b)").unwrap_err().contains("does not parse"));
    }

    #[test]
    fn a_ratio_of_counters_is_guarded_or_told() {
        for (text, good) in [
            ("rate(a_total[5m]) / rate(b_total[5m])", false),
            ("rate(a_total[5m]) / (rate(b_total[5m]) > 0)", true),
            ("sum(rate(a_total[5m])) / (sum(rate(b_total[5m])) > 0)", true),
            ("a / b", true),
        ] {
            assert_eq!(query(text).unwrap().unguarded.is_empty(), good, "{text}");
        }
    }
}
