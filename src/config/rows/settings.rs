//! Configurations as the rows see them.

use crate::config::model::{Ajp13Config, LbConfig, MemberConfig, StatusConfig};
use crate::config::rows::properties::PROPERTIES;
use crate::config::rows::property::{PropertyRow, Setting};
use crate::config::rows::value::Value;
use crate::sorting;

/// A configuration whose fields keep properties. Its `Default` is empty; see [`Settings::usual`].
pub trait Settings: Default + 'static {
    /// Returns the field that keeps a property.
    fn setting(row: &PropertyRow) -> Option<&Setting<Self>>;

    /// Returns the properties it has, in the order in which they are shown, with their fields.
    fn rows() -> impl Iterator<Item = (&'static PropertyRow, &'static Setting<Self>)> {
        PROPERTIES.iter().filter_map(|row| Some((row, Self::setting(row)?)))
    }

    /// Finds a property.
    fn row(name: &str) -> Option<(&'static PropertyRow, &'static Setting<Self>)> {
        let row = PROPERTIES.iter().find(|row| row.name == name)?;
        Some((row, Self::setting(row)?))
    }

    /// Returns the value of a property.
    fn value(&self, name: &str) -> Option<Value> {
        Self::row(name).map(|(row, setting)| setting.get(row, self))
    }

    /// Changes a property at run time; `false` if it has none that can change, or cannot have that
    /// value.
    fn change(&mut self, name: &str, value: &Value) -> bool {
        let row = Self::row(name).filter(|(_, setting)| setting.parameter.is_some());
        row.is_some_and(|(row, setting)| setting.set(row, self, value))
    }

    /// Fills the fields with what `given` returns for each property, else with its default. What
    /// other properties say comes last.
    fn fill(&mut self, mut given: impl FnMut(&'static PropertyRow) -> Option<Value>) {
        let mut open = Vec::new();
        for (row, setting) in Self::rows().filter(|(_, setting)| setting.is_stored()) {
            match (given(row), setting.otherwise) {
                (Some(value), _) => {
                    setting.set(row, self, &value);
                }
                (None, Some(otherwise)) => open.push((row, setting, otherwise)),
                // What is unset is as it was before; a route may have said the domain.
                (None, None) if row.is_optional() => {}
                (None, None) => {
                    setting.set(row, self, &row.usual());
                }
            }
        }
        for (row, setting, otherwise) in open {
            let value = otherwise(self);
            setting.set(row, self, &value);
        }
    }

    /// Returns the configuration of a worker of which nothing is said.
    fn usual() -> Self {
        let mut usual = Self::default();
        usual.fill(|_| None);
        usual
    }

    /// Returns names and values of all properties that differ from the defaults, as what a
    /// fingerprint is made of: a property that a later version adds changes nothing as long as it
    /// is not used.
    fn differing(&self) -> Vec<(&'static str, String)> {
        self.differing_among(PROPERTIES.iter())
    }

    /// The same among some properties.
    fn differing_among<'r>(
        &self,
        rows: impl Iterator<Item = &'r PropertyRow>,
    ) -> Vec<(&'static str, String)> {
        let usual = Self::usual();
        let own = rows.filter_map(|row| Some((row, Self::setting(row)?)));
        let own = own.map(|(row, own)| (row.name, own.get(row, self), own.get(row, &usual)));
        let own = own.filter(|(_, value, usual)| value != usual);
        let mut own: Vec<_> = own.map(|(name, value, _)| (name, value.to_string())).collect();
        sorting::by_key(&mut own, |(name, _)| *name);
        own
    }
}

impl Settings for Ajp13Config {
    fn setting(row: &PropertyRow) -> Option<&Setting<Self>> {
        row.ajp13.as_ref()
    }
}

impl Settings for LbConfig {
    fn setting(row: &PropertyRow) -> Option<&Setting<Self>> {
        row.lb.as_ref()
    }
}

impl Settings for MemberConfig {
    fn setting(row: &PropertyRow) -> Option<&Setting<Self>> {
        row.member.as_ref()
    }
}

impl Settings for StatusConfig {
    fn setting(row: &PropertyRow) -> Option<&Setting<Self>> {
        row.status.as_ref()
    }
}

impl Ajp13Config {
    /// Tells whether connections opened under these settings are of use under others.
    pub fn shares_connections_with(&self, other: &Self) -> bool {
        let mut rows = Self::rows().filter(|(_, setting)| setting.affects_connections);
        rows.all(|(row, setting)| setting.get(row, self) == setting.get(row, other))
    }
}

#[cfg(test)]
mod tests;
