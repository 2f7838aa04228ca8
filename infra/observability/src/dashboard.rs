//! Dashboards of Grafana.

use serde_json::Value;

/// A dashboard, as far as it can be wrong about metrics.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Its name in addresses, which stays when its title changes.
    pub uid: String,
    /// What people see.
    pub title: String,
    /// Its panels, without rows that only divide them.
    pub panels: Vec<Panel>,
    /// The queries of its variables.
    pub variables: Vec<String>,
}

/// A panel.
#[derive(Debug, Clone)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// What it says on being asked.
    pub description: String,
    /// The data source of the panel and of its queries.
    pub sources: Vec<String>,
    /// Where it is: left, top, width, height.
    pub place: [u64; 4],
    /// Its expressions.
    pub expressions: Vec<String>,
}

impl Dashboard {
    /// Reads a dashboard's JSON; what is missing is empty.
    ///
    /// # Errors
    /// What is wrong with the JSON.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let all: Value = serde_json::from_str(text)?;
        let panels = items(&all["panels"]).filter(|panel| panel["type"] != "row");
        let variables = items(&all["templating"]["list"]);
        Ok(Self {
            uid: string(&all["uid"]),
            title: string(&all["title"]),
            panels: panels.map(panel).collect(),
            variables: variables
                .map(|variable| string(&variable["query"]["query"]))
                .filter(|query| !query.is_empty())
                .collect(),
        })
    }

    /// All its expressions, with where they are.
    pub fn expressions(&self) -> impl Iterator<Item = (String, &str)> {
        let panels = self.panels.iter().flat_map(|panel| {
            let expressions = panel.expressions.iter();
            expressions.map(|expression| (panel.title.clone(), expression.as_str()))
        });
        let variables = self.variables.iter();
        panels.chain(variables.map(|query| ("a variable".to_owned(), query.as_str())))
    }
}

impl Panel {
    /// Whether two panels lie upon each other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let [left, top, width, height] = self.place;
        let [x, y, w, h] = other.place;
        left < x + w && x < left + width && top < y + h && y < top + height
    }
}

fn panel(panel: &Value) -> Panel {
    let place = &panel["gridPos"];
    let number = |key: &str| place[key].as_u64().unwrap_or_default();
    let targets: Vec<&Value> = items(&panel["targets"]).collect();
    let sources = targets.iter().map(|target| &target["datasource"]["uid"]);
    Panel {
        title: string(&panel["title"]),
        description: string(&panel["description"]),
        sources: sources
            .chain([&panel["datasource"]["uid"]])
            .map(string)
            .collect(),
        place: [number("x"), number("y"), number("w"), number("h")],
        expressions: targets
            .iter()
            .map(|target| string(&target["expr"]))
            .collect(),
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
