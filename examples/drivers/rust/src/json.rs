//! Reading JSON as the contract asks: objects by name, and no integer that another reader rounds.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde_json::{Number, Value};

/// The largest magnitude of an integer that every JSON reader keeps exactly.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Reads an object; unlike serde alone, no array of its members in order.
pub fn read_object<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is no JSON object".to_owned());
    }
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// An integer within ±(2^53-1). JSON has one kind of number: `1.0` is an integer too.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    whole(&number)
        .filter(|value| value.abs() <= MAX_INTEGER)
        .ok_or_else(|| D::Error::custom(format!("{number} is no integer within ±(2^53-1)")))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a whole number within ±(2^53-1) is the same as a float and as an integer"
)]
fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let value = number.as_f64()?;
        (value.fract() == 0.0 && value.abs() <= MAX_INTEGER as f64).then_some(value as i64)
    })
}

/// Says which number another reader would not keep; `None` if there is none (EVT-12).
pub fn beyond_range(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => {
            let integer = !number.as_str().contains(['.', 'e', 'E']);
            let kept = if integer {
                whole(number).is_some_and(|value| value.abs() <= MAX_INTEGER)
            } else {
                number.as_f64().is_some_and(f64::is_finite)
            };
            (!kept).then(|| format!("{number} is beyond what every JSON reader keeps"))
        }
        Value::Array(items) => items.iter().find_map(beyond_range),
        Value::Object(members) => members.values().find_map(beyond_range),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_readers_keep_are_taken() {
        for text in [
            "0",
            "-0.0",
            "9007199254740991",
            "1e300",
            "[1.5, {\"a\": -1}]",
            "5e-324",
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(beyond_range(&value), None, "{text}");
            assert_eq!(
                value.to_string(),
                serde_json::from_str::<Value>(text).unwrap().to_string()
            );
        }
    }

    #[test]
    fn integers_that_readers_round_are_not() {
        for text in [
            "9007199254740992",
            "-9007199254740992",
            "{\"a\": [1e400]}",
            &"1".repeat(40),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert!(beyond_range(&value).is_some(), "{text}");
        }
    }
}
