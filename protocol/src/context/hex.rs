//! Numbers in base 16 and 10 of fixed and variable lengths.

/// Exactly `2 * N` lower-case digits.
pub(super) fn lower<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.iter().any(u8::is_ascii_uppercase) { None } else { exact(digits) }
}

/// Exactly `2 * N` digits of either case.
pub(super) fn exact<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() == 2 * N { padded(digits) } else { None }
}

/// One to `2 * N` digits of either case, filled up with zeros on the left.
pub(super) fn padded<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.is_empty() || digits.len() > 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (at, &digit) in digits.iter().rev().enumerate() {
        let value = char::from(digit).to_digit(16)? as u8;
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
