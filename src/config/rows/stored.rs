//! How values are kept in the fields of a configuration.

use std::time::Duration;

use crate::config::limit::Limit;
use crate::config::model::{HashKey, Secret, same_site};
use crate::config::rows::value::{Value, ValueKind};
use crate::lb::{Activation, Method};

/// A type that the field of a property may have.
pub(super) trait Stored {
    /// Returns the value.
    fn to_value(&self, kind: ValueKind) -> Value;

    /// Takes a value over; `false` for one it cannot have.
    fn put(&mut self, value: &Value, kind: ValueKind) -> bool;
}

/// What a number stands for.
trait Quantity: Copy {
    fn number(self, kind: ValueKind) -> i64;
    fn of(number: i64, kind: ValueKind) -> Option<Self>;
}

macro_rules! whole {
    ($($number:ty),*) => {$(
        impl Quantity for $number {
            fn number(self, _: ValueKind) -> i64 {
                self.try_into().unwrap_or(i64::MAX)
            }

            fn of(number: i64, _: ValueKind) -> Option<Self> {
                number.try_into().ok()
            }
        }
    )*};
}

whole!(i32, u16, u32, usize);

impl Quantity for Duration {
    fn number(self, kind: ValueKind) -> i64 {
        match kind {
            ValueKind::Seconds => self.as_secs().try_into().unwrap_or(i64::MAX),
            _ => self.as_millis().try_into().unwrap_or(i64::MAX),
        }
    }

    fn of(number: i64, kind: ValueKind) -> Option<Self> {
        let number = u64::try_from(number).ok()?;
        Some(match kind {
            ValueKind::Seconds => Self::from_secs(number),
            _ => Self::from_millis(number),
        })
    }
}

impl<T: Quantity> Stored for T {
    fn to_value(&self, kind: ValueKind) -> Value {
        Value::Number(self.number(kind))
    }

    fn put(&mut self, value: &Value, kind: ValueKind) -> bool {
        let Value::Number(number) = value else { return false };
        T::of(*number, kind).map(|own| *self = own).is_some()
    }
}

/// Zero is a value of its own.
macro_rules! optional {
    ($($number:ty),*) => {$(
        impl Stored for Option<$number> {
            fn to_value(&self, kind: ValueKind) -> Value {
                self.map_or(Value::Unset, |own| own.to_value(kind))
            }

            fn put(&mut self, value: &Value, kind: ValueKind) -> bool {
                if *value == Value::Unset {
                    *self = None;
                    return true;
                }
                self.get_or_insert_default().put(value, kind)
            }
        }
    )*};
}

optional!(u32, usize);

/// Zero is none.
impl Stored for Option<Duration> {
    fn to_value(&self, kind: ValueKind) -> Value {
        self.unwrap_or_default().to_value(kind)
    }

    fn put(&mut self, value: &Value, kind: ValueKind) -> bool {
        let mut time = Duration::ZERO;
        let is_time = time.put(value, kind);
        *self = Some(time).filter(|time| is_time && !time.is_zero());
        is_time
    }
}

impl<T: Quantity + Default + PartialEq> Stored for Limit<T> {
    fn to_value(&self, kind: ValueKind) -> Value {
        self.shown().map_or(Value::Unset, |own| own.to_value(kind))
    }

    fn put(&mut self, value: &Value, kind: ValueKind) -> bool {
        let mut given = T::default();
        match value {
            Value::Unset => self.set(None),
            value if given.put(value, kind) => self.set(Some(given)),
            _ => return false,
        }
        true
    }
}

impl Stored for bool {
    fn to_value(&self, _: ValueKind) -> Value {
        Value::Flag(*self)
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        let Value::Flag(on) = value else { return false };
        *self = *on;
        true
    }
}

/// Nothing is the same as unset.
impl Stored for String {
    fn to_value(&self, _: ValueKind) -> Value {
        Value::Text(self.clone())
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        match value {
            Value::Unset => self.clear(),
            Value::Text(text) => self.clone_from(text),
            _ => return false,
        }
        true
    }
}

impl Stored for Option<String> {
    fn to_value(&self, _: ValueKind) -> Value {
        self.clone().map_or(Value::Unset, Value::Text)
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        let Value::Text(text) = value else { return false };
        *self = Some(text.clone());
        true
    }
}

impl Stored for Vec<String> {
    fn to_value(&self, _: ValueKind) -> Value {
        Value::Words(self.clone())
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        let Value::Words(words) = value else { return false };
        self.clone_from(words);
        true
    }
}

/// Never shown; whether there is one is.
impl Stored for Option<Secret> {
    fn to_value(&self, _: ValueKind) -> Value {
        Value::Flag(self.is_some())
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        let Value::Text(text) = value else { return false };
        *self = Some(Secret::new(text));
        true
    }
}

impl Stored for Activation {
    fn to_value(&self, _: ValueKind) -> Value {
        Value::Activation(*self)
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        let Value::Activation(activation) = value else { return false };
        *self = *activation;
        true
    }
}

impl Stored for Method {
    fn to_value(&self, _: ValueKind) -> Value {
        Value::Method(*self)
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        let Value::Method(method) = value else { return false };
        *self = *method;
        true
    }
}

impl Stored for HashKey {
    fn to_value(&self, _: ValueKind) -> Value {
        Value::Text(self.to_string())
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        let Value::Text(word) = value else { return false };
        Self::from_word(word).map(|own| *self = own).is_some()
    }
}

/// `SameSite` of a cookie.
impl Stored for Option<&'static str> {
    fn to_value(&self, _: ValueKind) -> Value {
        self.map_or(Value::Unset, |word| Value::Text(word.to_owned()))
    }

    fn put(&mut self, value: &Value, _: ValueKind) -> bool {
        let Value::Text(word) = value else { return false };
        same_site(word).map(|own| *self = own).is_some()
    }
}
