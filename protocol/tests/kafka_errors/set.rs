//! Structures of the encoder, which cannot be written as literals.

/// A structure of the encoder's with some fields set.
macro_rules! set {
    ($kind:path $(, $field:ident $(. $inner:ident)* = $value:expr)* $(,)?) => {{
        let mut made = <$kind>::default();
        $(made.$field $(. $inner)* = $value;)*
        made
    }};
}
