//! Which traces are kept: decided once, where a trace begins here, and carried by every span of
//! it in the sampled flag and in `tracestate`.
//!
//! Probability sampling is consistent (OpenTelemetry specification, "TraceState: Probability
//! Sampling"): a trace is kept if and only if its randomness R is at least the rejection
//! threshold T, so that everybody who samples at the same or a higher probability keeps it too.

use super::model::TraceId;

/// W3C trace flag "sampled".
pub const SAMPLED: u8 = 1;

/// 2⁵⁶: R and T are 56-bit numbers.
const MAX_THRESHOLD: u64 = 1 << 56;

/// The hexadecimal digits of T that are written, after those that are `f` because the probability
/// is small: the specification's recommended precision.
const PRECISION: usize = 4;

/// Members that a `tracestate` may have (W3C Trace Context §3.3.1.1).
const MOST_MEMBERS: usize = 32;

/// `OTEL_TRACES_SAMPLER`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Follow the decision of the caller, if there is one.
    pub parent_based: bool,
    /// The rule for all others.
    pub rule: Rule,
}

/// How a trace without a caller's decision is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Keep it.
    AlwaysOn,
    /// Drop it.
    AlwaysOff,
    /// Keep this part of all traces, between 0 and 1.
    Ratio(f64),
}

/// What was decided about a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The sampled flag of its spans.
    pub sampled: bool,
    /// The `tracestate` of its spans.
    pub state: Option<Box<str>>,
}

impl Default for Sampler {
    fn default() -> Self {
        Self { parent_based: true, rule: Rule::AlwaysOn }
    }
}

impl Sampler {
    /// The values of `OTEL_TRACES_SAMPLER` that are understood.
    pub const NAMES: [&'static str; 6] = [
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ];

    /// By its name; `ratio` is only looked at by those that have one.
    #[must_use]
    pub fn parse(name: &str, ratio: f64) -> Option<Self> {
        let (parent_based, rule) = match name.strip_prefix("parentbased_") {
            Some(rule) => (true, rule),
            None => (false, name),
        };
        let rule = match rule {
            "always_on" => Rule::AlwaysOn,
            "always_off" => Rule::AlwaysOff,
            "traceidratio" => Rule::Ratio(ratio),
            _ => return None,
        };
        Some(Self { parent_based, rule })
    }

    /// Decides about a trace that begins here, with a new random id.
    #[must_use]
    pub fn root(&self, trace_id: TraceId) -> Decision {
        self.rule.decide(trace_id, None)
    }

    /// Decides about a trace that a caller brought: `sampled` is what its context says, `None`
    /// if it leaves the decision open; `state` its `tracestate`.
    #[must_use]
    pub fn remote(
        &self,
        trace_id: TraceId,
        sampled: Option<bool>,
        state: Option<&str>,
    ) -> Decision {
        match sampled {
            Some(sampled) if self.parent_based => Decision { sampled, state: state.map(Box::from) },
            _ => self.rule.decide(trace_id, state),
        }
    }
}

impl Rule {
    fn decide(self, trace_id: TraceId, state: Option<&str>) -> Decision {
        let threshold = match self {
            // There is nothing to state about a trace that says nothing itself.
            Self::AlwaysOn if state.is_none() => return Decision { sampled: true, state: None },
            Self::AlwaysOn => 0,
            Self::AlwaysOff => MAX_THRESHOLD,
            Self::Ratio(ratio) => threshold(ratio),
        };
        let randomness = state.and_then(stated_randomness).unwrap_or_else(|| randomness(trace_id));
        let sampled = threshold < MAX_THRESHOLD && randomness >= threshold;
        let own = sampled.then(|| format!("th:{}", digits(threshold)));
        Decision { sampled, state: with_threshold(state, own.as_deref()) }
    }
}

/// R of a trace id: its low 56 bits.
fn randomness(trace_id: TraceId) -> u64 {
    let [.., a, b, c, d, e, f, g] = trace_id.0;
    u64::from_be_bytes([0, a, b, c, d, e, f, g])
}

/// R as the `ot` member of `tracestate` states it: `rv:` and exactly 14 hexadecimal digits.
fn stated_randomness(state: &str) -> Option<u64> {
    let digits = ot_member(state)?.split(';').find_map(|field| field.strip_prefix("rv:"))?;
    let plain = digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { u64::from_str_radix(digits, 16).ok() } else { None }
}

fn ot_member(state: &str) -> Option<&str> {
    state.split(',').find_map(|member| member.trim().strip_prefix("ot="))
}

/// T = (1 − p)·2⁵⁶, rounded to [`PRECISION`] digits after leading `f`s.
fn threshold(ratio: f64) -> u64 {
    if ratio.is_nan() || ratio < 2f64.powi(-56) {
        return MAX_THRESHOLD;
    }
    if ratio >= 1.0 {
        return 0;
    }
    let exact = ((1.0 - ratio) * MAX_THRESHOLD as f64) as u64;
    // Each leading `f` is a digit that a small probability does not get its precision from.
    let leading = (-ratio.log2() / 4.0).floor() as usize;
    let kept = (leading + PRECISION).min(14);
    let unit = 1_u64 << (4 * (14 - kept));
    // Rounding up to 2⁵⁶ would drop everything.
    ((exact + unit / 2) / unit * unit).min(MAX_THRESHOLD - 1)
}

/// T without trailing zeros; `0` for nothing but zeros.
fn digits(threshold: u64) -> String {
    let digits = format!("{threshold:014x}");
    match digits.trim_end_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}

/// `tracestate` with the `ot` member's `th` replaced by `own` (or left out) and the member moved
/// to the front, as W3C asks of a changed member. If it is one too many, the last goes (§3.5).
fn with_threshold(state: Option<&str>, own: Option<&str>) -> Option<Box<str>> {
    let state = state.unwrap_or_default();
    let kept = ot_member(state)
        .unwrap_or_default()
        .split(';')
        .filter(|field| !field.is_empty() && !field.starts_with("th:"));
    let ot = own.into_iter().chain(kept).collect::<Vec<_>>().join(";");
    let ot = if ot.is_empty() { None } else { Some(format!("ot={ot}")) };
    let others = state
        .split(',')
        .map(str::trim)
        .filter(|member| !member.is_empty() && !member.starts_with("ot="));
    let members: Vec<&str> = ot.as_deref().into_iter().chain(others).take(MOST_MEMBERS).collect();
    if members.is_empty() { None } else { Some(members.join(",").into()) }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Rule, Sampler, digits, threshold};
    use crate::span::TraceId;

    fn trace(low: u64) -> TraceId {
        let mut id = [0x11; 16];
        id[9..].copy_from_slice(&low.to_be_bytes()[1..]);
        TraceId(id)
    }

    fn ratio(ratio: f64) -> Sampler {
        Sampler { parent_based: false, rule: Rule::Ratio(ratio) }
    }

    // Values of the specification's table "Rejection threshold" and its text.
    #[test]
    fn thresholds_are_written_as_the_specification_does() {
        for (probability, written) in [
            (1.0, "0"),
            (0.5, "8"),
            (0.25, "c"),
            (0.75, "4"),
            (0.1, "e666"),
            (1.0 / 3.0, "aaab"),
            (2.0 / 3.0, "5555"),
            (0.01, "fd70a"),
            (2f64.powi(-56), "ffffffffffffff"),
        ] {
            assert_eq!(digits(threshold(probability)), written, "{probability}");
        }
    }

    #[test]
    fn a_trace_is_kept_if_and_only_if_r_is_at_least_t() {
        let half = ratio(0.5);
        assert!(!half.root(trace(0x7f_ffff_ffff_ffff)).sampled);
        assert_eq!(
            half.root(trace(0x80_0000_0000_0000)),
            Decision { sampled: true, state: Some("ot=th:8".into()) }
        );
        assert!(!ratio(0.0).root(trace(0xff_ffff_ffff_ffff)).sampled);
        assert!(!ratio(f64::NAN).root(trace(0xff_ffff_ffff_ffff)).sampled);
        assert!(ratio(1.0).root(trace(0)).sampled);
    }

    #[test]
    fn a_stated_randomness_wins_and_other_members_stay() {
        let decision = ratio(0.5).remote(
            trace(0),
            Some(false),
            Some("a=1, ot=th:4;rv:ffffffffffffff;x:y,b=2"),
        );
        assert_eq!(
            decision,
            Decision { sampled: true, state: Some("ot=th:8;rv:ffffffffffffff;x:y,a=1,b=2".into()) }
        );
        // 13 digits are no randomness.
        assert!(!ratio(0.5).remote(trace(0), None, Some("ot=rv:fffffffffffff")).sampled);
    }

    /// W3C Trace Context §3.3.1.1: "There can be a maximum of 32 list-members in a list."
    #[test]
    fn a_full_list_loses_its_last_member() {
        let members: Vec<String> = (0..32).map(|n| format!("k{n}=v")).collect();
        let state = ratio(1.0).remote(trace(0), None, Some(&members.join(","))).state.unwrap();
        assert_eq!(state.split(',').count(), 32);
        assert!(state.starts_with("ot=th:0,k0=v,") && state.ends_with(",k30=v"), "{state}");
    }

    #[test]
    fn a_dropped_trace_states_no_threshold() {
        let off = Sampler { parent_based: false, rule: Rule::AlwaysOff };
        assert_eq!(
            off.remote(trace(9), Some(true), Some("ot=th:8")),
            Decision { sampled: false, state: None }
        );
    }

    #[test]
    fn the_caller_decides_if_it_did() {
        let sampler = Sampler { parent_based: true, rule: Rule::AlwaysOff };
        assert!(!sampler.root(trace(1)).sampled);
        assert_eq!(
            sampler.remote(trace(1), Some(true), Some("ot=th:c")),
            Decision { sampled: true, state: Some("ot=th:c".into()) }
        );
        assert!(!sampler.remote(trace(1), None, None).sampled);
        assert!(!Sampler::default().remote(trace(1), Some(false), None).sampled);
        assert_eq!(Sampler::default().root(trace(1)), Decision { sampled: true, state: None });
    }

    #[test]
    fn a_tenth_of_random_traces_is_kept() {
        // A full-period generator (Knuth's MMIX constants), top 56 bits.
        let mut state = 1_u64;
        let kept = (0..100_000)
            .filter(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                ratio(0.1).root(trace(state >> 8)).sampled
            })
            .count();
        assert!((9_700..10_300).contains(&kept), "{kept}");
    }

    #[test]
    fn all_names_are_understood() {
        assert!(Sampler::NAMES.iter().all(|name| Sampler::parse(name, 0.5).is_some()));
        assert_eq!(Sampler::parse("jaeger_remote", 1.0), None);
    }
}
