//! Numbers in base 16 and 10 of fixed and variable lengths.

/// Exactly `2 * N` lower-case digits.
pub(super) fn lower<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    exactly(digits, |digit| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    })
}

/// Exactly `2 * N` digits of either case.
pub(super) fn exact<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    exactly(digits, value)
}

fn exactly<const N: usize>(digits: &[u8], value: fn(u8) -> Option<u8>) -> Option<[u8; N]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut out = [0; N];
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = (value(*high)? << 4) | value(*low)?;
    }
    Some(out)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// One to `2 * N` digits of either case, filled up with zeros on the left.
pub(super) fn padded<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.is_empty() || digits.len() > 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (at, &digit) in digits.iter().rev().enumerate() {
        let value = value(digit)?;
        out[N - 1 - at / 2] |= value << (4 * (at % 2));
    }
    Some(out)
}

/// An unsigned decimal number that fits 64 bits, digits only.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        let value = digit.is_ascii_digit().then(|| digit - b'0')?;
        sum.checked_mul(10)?.checked_add(value.into())
    })
}
