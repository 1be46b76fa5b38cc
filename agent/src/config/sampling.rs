//! Which traces are kept.

use onlooker_pipeline::span::Sampler;
use serde::Deserialize;

use super::ConfigError;
use super::error::nearest;

/// The `sampling` section (`OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// One of [`Sampler::NAMES`]; `None` is `parentbased_always_on` for exports, while the
    /// console shows everything.
    pub sampler: Option<String>,
    /// The part of traces that the `traceidratio` samplers keep, from 0 to 1.
    pub ratio: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { sampler: None, ratio: 1.0 }
    }
}

impl Sampling {
    /// The sampler, for where traces begin.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        self.sampler
            .as_deref()
            .and_then(|name| Sampler::parse(name, self.ratio))
            .unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if let Some(name) = &self.sampler
            && Sampler::parse(name, self.ratio).is_none()
        {
            let names = Sampler::NAMES;
            let expected = match nearest(name, &names) {
                Some(near) => format!("{near:?}, perhaps, instead of {name:?}"),
                None => format!("one of {}", names.join(", ")),
            };
            return Err(ConfigError::value("sampling.sampler", expected));
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            return Err(ConfigError::value("sampling.ratio", "a number from 0 to 1"));
        }
        Ok(())
    }
}
