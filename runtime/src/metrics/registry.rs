//! What a registry adds to all names and labels in it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;
use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, Metric, MetricFamily};

use super::validate::{is_label_name, is_metric_name, label_name};
use super::{BuildError, GatherError, gather};
use crate::family::push_label;

/// The prefix and the labels of a registry made with `Registry::new_custom`. The registry adds them to what
/// it gathers, and we to what we write by ourselves.
#[derive(Debug, Default)]
pub(crate) struct RegistryNames {
    prefix: String,
    /// As they are written, each with a comma behind it.
    labels: String,
}

impl RegistryNames {
    /// Asks a registry, in the one way there is: by gathering something from it.
    pub(super) fn of(registry: &Registry, chosen: &BTreeSet<&str>) -> Result<Self, BuildError> {
        // Two probes at once would be one too many.
        static ONE_BY_ONE: Mutex<()> = Mutex::new(());
        let _turn = ONE_BY_ONE.lock();
        let probe = || Probe::new().map(Box::new).map_err(BuildError::Registry);
        registry.register(probe()?).map_err(BuildError::Registry)?;
        let gathered = gather(registry, None);
        registry.unregister(probe()?).map_err(BuildError::Registry)?;
        let gathered = gathered.map_err(|error| BuildError::RegistryAdds {
            reason: match error {
                GatherError::Panicked(said) => format!("a collector in it panics: {said}"),
                GatherError::Nested => "it is being gathered".to_owned(),
            },
        })?;
        let found = gathered.iter().find_map(|family| {
            let prefix = family.name().strip_suffix(PROBE)?;
            Some((prefix, family.get_metric().first()?.get_label()))
        });
        let Some((prefix, labels)) = found else { return Ok(Self::default()) };
        Self::checked(prefix, labels, chosen)
    }

    fn checked(
        prefix: &str,
        labels: &[LabelPair],
        chosen: &BTreeSet<&str>,
    ) -> Result<Self, BuildError> {
        let wrong = |reason| Err(BuildError::RegistryAdds { reason });
        if !prefix.is_empty() && !is_metric_name(prefix) {
            return wrong(format!("no metric can begin with its prefix {prefix:?}"));
        }
        let mut text = Vec::new();
        let sorted: BTreeSet<_> = labels.iter().map(|pair| (pair.name(), pair.value())).collect();
        for (name, value) in sorted {
            if !is_label_name(name) {
                return wrong(format!("its label {name:?} has no name of a label"));
            }
            if chosen.contains(name) || label_name(name).is_err() {
                return wrong(format!("its label {name:?} is one that the families have, too"));
            }
            push_label(&mut text, name, value);
            text.push(b',');
        }
        let labels = String::from_utf8_lossy(&text).into_owned();
        Ok(Self { prefix: prefix.to_owned(), labels })
    }

    /// Whether a family is a probe: another instance is being built in the same registry.
    pub(crate) fn is_probe(name: &str) -> bool {
        name.ends_with(PROBE)
    }

    /// The name that a family of ours has outside.
    pub(crate) fn name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.prefix.is_empty() {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(format!("{}{name}", self.prefix))
        }
    }

    /// The labels of all families, each with a comma behind it.
    pub(crate) fn labels(&self) -> &str {
        &self.labels
    }
}

/// What the probe is called.
const PROBE: &str = "streamgauge_probe";

/// Something to gather.
struct Probe(Desc);

impl Probe {
    fn new() -> prometheus::Result<Self> {
        let help = "What a registry adds to names and labels.".to_owned();
        Desc::new(PROBE.to_owned(), help, Vec::new(), HashMap::new()).map(Self)
    }
}

impl Collector for Probe {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut family = MetricFamily::default();
        family.set_name(PROBE.to_owned());
        family.set_metric(vec![Metric::from_label(Vec::new())]);
        vec![family]
    }
}
