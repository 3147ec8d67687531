//! The grammar of names: event types, their prefixes, stream keys (EVT-05, PAT-10, STR-08).
//!
//! Names become tokens of subjects on a broker, where dots, blanks and wildcards have a meaning.

/// The longest name, in bytes.
pub const MAX_BYTES: usize = 255;

/// Two or more tokens joined by dots.
#[must_use]
pub fn is_event_type(name: &str) -> bool {
    is_prefix(name) && name.contains('.')
}

/// One or more tokens joined by dots.
#[must_use]
pub fn is_prefix(name: &str) -> bool {
    name.len() <= MAX_BYTES && name.split('.').all(is_token)
}

/// One token.
#[must_use]
pub fn is_stream_key(name: &str) -> bool {
    name.len() <= MAX_BYTES && is_token(name)
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
