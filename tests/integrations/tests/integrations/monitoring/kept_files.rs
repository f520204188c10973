//! The configuration in the directory `monitoring` names files that exist.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../monitoring")
}

fn yaml(file: &str) -> Value {
    let text = fs::read_to_string(directory().join(file)).expect("the file can be read");
    serde_norway::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn strings(list: &Value) -> Vec<&str> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item.as_str().expect("a text")).collect()
}

fn assert_exists(file: &str) {
    assert!(directory().join(file).is_file(), "{file} does not exist");
}

#[test]
fn compose_file_mounts_files_that_exist_where_grafana_looks_for_dashboards() {
    let compose = yaml("compose.yml");
    let services = compose["services"].as_object().expect("services by name");
    let mut mounted = Vec::new();
    for volume in services.values().flat_map(|service| strings(&service["volumes"])) {
        let [host, container, "ro"] = volume.split(':').collect::<Vec<_>>()[..] else {
            panic!("not a read-only mount: {volume}");
        };
        assert_exists(host);
        mounted.push(container);
    }
    let dashboards = yaml("grafana/dashboards.yml");
    let path = dashboards["providers"][0]["options"]["path"].as_str().expect("a path");
    let dashboard =
        mounted.iter().find(|file| file.ends_with("/streamgauge.json")).expect("a dashboard");
    assert_eq!(Path::new(dashboard).parent(), Some(Path::new(path)));
    let home = &services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
    assert_eq!(home.as_str(), Some(*dashboard));
    let addresses = strings(&services["prometheus"]["command"]);
    let source = yaml("grafana/datasource.yml");
    let url = source["datasources"][0]["url"].as_str().expect("an address");
    let listen = url.replace("http://", "--web.listen-address=");
    assert!(addresses.contains(&listen.as_str()), "{listen}: {addresses:?}");
}

#[test]
fn kustomization_names_files_that_exist() {
    let kustomization = yaml("kustomization.yaml");
    strings(&kustomization["resources"]).into_iter().for_each(assert_exists);
    for file in strings(&kustomization["configMapGenerator"][0]["files"]) {
        assert_exists(file.split_once('=').map_or(file, |(_, file)| file));
    }
    for manifest in strings(&kustomization["resources"]) {
        let manifest = yaml(manifest);
        assert_eq!(manifest["apiVersion"], "monitoring.coreos.com/v1");
        assert!(manifest["spec"].is_object(), "{manifest}");
    }
}
