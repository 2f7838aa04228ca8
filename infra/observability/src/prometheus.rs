//! A Prometheus of a test's own.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use insula_faults::{Http, Place, Process, Program, until};
use serde_json::Value;

/// Where Prometheus is.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The server.
    pub prometheus: PathBuf,
    /// Its checker.
    pub promtool: PathBuf,
}

/// The programs, or a sentence saying what is missing.
///
/// # Errors
/// The sentence, which also says what to install.
pub fn programs() -> Result<Programs, String> {
    let missing = |program| format!("{program} is not installed (package prometheus)");
    Ok(Programs {
        prometheus: in_path("prometheus").ok_or_else(|| missing("prometheus"))?,
        promtool: in_path("promtool").ok_or_else(|| missing("promtool"))?,
    })
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&path).map(|dir| dir.join(program));
    files.find(|file| file.is_file())
}

/// A server on a free port of loopback, with its data below the test's directory. Dropping it ends it.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    http: Http,
}

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Which.
    pub name: String,
    /// The replica or agent that it is about; empty if it is about all.
    pub instance: String,
    /// What people are told.
    pub summary: String,
}

impl Prometheus {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start(programs: &Programs, place: &Place, config: &Path) -> Self {
        let address = free_address();
        let mut process = Program::new(&programs.prometheus)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                place.file("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .start("prometheus", &place.file("prometheus.log"));
        let http = Http::at(address);
        until("Prometheus to be ready", || {
            process.assert_lives();
            let http = http.clone();
            async move { (http.get("/-/ready").await.status() == Some(200)).then_some(()) }
        })
        .await;
        Self { process, http }
    }

    /// Fails the test if it has ended by itself.
    ///
    /// # Panics
    /// If it has.
    pub fn assert_lives(&mut self) {
        self.process.assert_lives();
    }

    /// The `data` of what it answers; nothing if it does not, or with an error.
    pub async fn ask(&self, path: &str) -> Option<Value> {
        let answer = self.http.get(path).await.json()?;
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// The value of an expression that has a single one.
    pub async fn value(&self, expression: &str) -> Option<f64> {
        let path = format!("/api/v1/query?query={}", encoded(expression));
        let data = self.ask(&path).await?;
        match data["result"].as_array()?.as_slice() {
            [only] => only["value"][1].as_str()?.parse().ok(),
            _ => None,
        }
    }

    /// Waits until a condition holds: an expression with a comparison, which has no value otherwise.
    ///
    /// # Panics
    /// If it does not come to hold.
    pub async fn until_holds(&self, condition: &str) {
        until(condition, || async {
            self.value(condition).await.map(drop)
        })
        .await;
    }

    /// The alerts that fire now.
    pub async fn firing(&self) -> Option<Vec<Alert>> {
        let data = self.ask("/api/v1/alerts").await?;
        let alerts = data["alerts"].as_array()?.iter();
        let firing = alerts.filter(|alert| alert["state"] == "firing");
        Some(firing.map(alert).collect())
    }

    /// Waits until an alert fires about an instance, or with an empty one about all; what it says.
    ///
    /// # Panics
    /// If it does not fire.
    pub async fn until_fires(&self, name: &str, instance: &str) -> String {
        until(&format!("{name} to fire about {instance:?}"), || async {
            let mut firing = self.firing().await?.into_iter();
            let alert = firing.find(|alert| alert.name == name && alert.instance == instance);
            alert.map(|alert| alert.summary)
        })
        .await
    }

    /// Waits until an alert fires about nobody.
    ///
    /// # Panics
    /// If it goes on.
    pub async fn until_quiet(&self, name: &str) {
        until(&format!("{name} to be over"), || async {
            let firing = self.firing().await?;
            firing.iter().all(|alert| alert.name != name).then_some(())
        })
        .await;
    }
}

fn alert(alert: &Value) -> Alert {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Alert {
        name: text(&alert["labels"]["alertname"]),
        instance: text(&alert["labels"]["instance"]),
        summary: text(&alert["annotations"]["summary"]),
    }
}

/// An address of loopback that nobody listens at now.
fn free_address() -> SocketAddr {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
    bound.unwrap_or_else(|error| panic!("there is no free port: {error}"))
}

/// As a part of a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
