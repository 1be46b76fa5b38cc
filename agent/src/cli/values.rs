//! What options may be set to, and what is said where one is not.

use std::time::Duration;

/// A process id.
pub(super) fn pid(text: &str) -> Result<u32, String> {
    let expected = "expected a process id, which is a number from 1 (`ps -e` lists them; --exe takes a \
                    name)";
    text.parse().ok().filter(|pid| *pid > 0).ok_or_else(|| expected.to_owned())
}

/// A TCP port.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| "expected 1 to 65535".to_owned())
}

/// A number of things that is not zero.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let expected = "expected a whole number from 1";
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| expected.to_owned())
}

/// A time such as `500ms`, `30s`, `5m`, `1h`, but not none at all; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("units are ms, s, m and h".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "not a number with a unit".to_owned())?;
    match Duration::try_from_secs_f64(number * factor) {
        Ok(Duration::ZERO) => Err("nothing is seen in no time".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

/// A size such as `500MiB`; a bare number is bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit.trim_start() {
        "" | "B" => 0,
        "KiB" | "K" => 10,
        "MiB" | "M" => 20,
        "GiB" | "G" => 30,
        "TiB" | "T" => 40,
        _ => return Err("units are KiB, MiB, GiB and TiB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "not a number with a unit".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_ids_ports_and_counts_begin_at_one() {
        assert_eq!((pid("1"), port("65535"), count("7")), (Ok(1), Ok(65535), Ok(7)));
        for wrong in ["", "0", "-1", "abc", "1.5", "99999999999999999999"] {
            assert!(pid(wrong).is_err_and(|why| why.contains("ps -e")), "{wrong}");
            assert!(port(wrong).is_err_and(|why| why.contains("65535")), "{wrong}");
            assert!(count(wrong).is_err(), "{wrong}");
        }
        assert!(port("65536").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for wrong in ["", "x", "5d", "-1s", "0", "0ms"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("500 MiB"), Ok(500 << 20));
        assert_eq!(size("4096"), Ok(4096));
        for wrong in ["", "GiB", "1.5GiB", "1GB", "-1", "99999999999TiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
