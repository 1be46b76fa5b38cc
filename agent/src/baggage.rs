//! Lists of `key=value` as OpenTelemetry's variables have them: W3C Baggage, values percent-encoded.

/// The pairs; `None` if any is malformed, "the entire value SHOULD be discarded" (specification of
/// resources).
pub(crate) fn pairs(list: &str) -> Option<Vec<(String, String)>> {
    list.split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let key = percent_decoded(key.trim())?;
            (!key.is_empty()).then_some((key, percent_decoded(value.trim())?))
        })
        .collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            bytes.push((digit(rest.next())? * 16 + digit(rest.next())?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn one_malformed_pair_discards_all() {
        let of = |list: &str| {
            pairs(list).map(|pairs| {
                pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
            })
        };
        assert_eq!(
            of("a=1, b = x%2Cy ,").as_deref(),
            Some(&["a=1".to_owned(), "b=x,y".to_owned()][..])
        );
        assert_eq!(of(""), Some(vec![]));
        for wrong in ["a", "a=1,b", "=1", "a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
