//! A setting that may be unset, which is a value of its own.

/// A limit that may be unset, 0 for none, or a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit<T> {
    given: Option<T>,
    /// What applies while nothing is given, such as the wait that `ping_mode` brings.
    otherwise: Option<T>,
}

impl<T: Copy + Default + PartialEq> Limit<T> {
    /// Makes a limit of what is given, if anything is.
    pub fn new(given: Option<T>) -> Self {
        Self { given, otherwise: None }
    }

    /// The same limit with a value for as long as nothing is given. Where there is one, a 0 counts as
    /// not given, as the original takes it.
    #[must_use]
    pub fn or(self, otherwise: Option<T>) -> Self {
        let is_given = |own: &T| otherwise.is_none() || *own != T::default();
        Self { given: self.given.filter(is_given), otherwise }
    }

    /// Gives another value, or takes it away.
    pub fn set(&mut self, given: Option<T>) {
        self.given = given;
    }

    /// Returns the limit to keep to; `None` if there is none, because it is unset or because it is 0.
    pub fn get(self) -> Option<T> {
        self.shown().filter(|value| *value != T::default())
    }

    /// Returns the value as it is shown: `None` if nothing sets it, 0 if it is set to 0.
    pub fn shown(self) -> Option<T> {
        self.given.or(self.otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_and_zero_differ_in_what_is_shown_only() {
        let mut later = Limit::new(None).or(Some(9));
        later.set(Some(0));
        let cases = [
            ("unset", Limit::new(None), None, None),
            ("zero", Limit::new(Some(0)), Some(0), None),
            ("a value", Limit::new(Some(5)), Some(5), Some(5)),
            ("unset, where something else sets it", Limit::new(None).or(Some(9)), Some(9), Some(9)),
            (
                "zero, where something else sets it",
                Limit::new(Some(0)).or(Some(9)),
                Some(9),
                Some(9),
            ),
            ("zero, given later", later, Some(0), None),
        ];
        for (name, limit, shown, limits) in cases {
            assert_eq!((limit.shown(), limit.get()), (shown, limits), "{name}");
        }
    }
}
