//! The values of those variables in one request, found in one pass over its environment: most requests
//! have few variables or none, and looking for each of ours costs more than that.

use crate::httpd::request::{Request, Table};
use crate::httpd::variable_names::{COUNT, Variable, VariableNames};

/// The values in one request, as they stand when its handler begins.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'r> {
    /// Most requests have none.
    values: Option<&'r Values<'r>>,
}

type Values<'r> = [Option<&'r [u8]>; COUNT];

impl<'r> Environment<'r> {
    /// Reads the environment. Where a name is there twice, the first one counts, as for httpd.
    pub fn read(request: &Request<'r>, names: &VariableNames) -> Self {
        let mut values: Option<Values<'r>> = None;
        for (key, value) in request.entries(Table::Environment) {
            let first = key.first().map_or(0, u8::to_ascii_lowercase);
            if !names.firsts[usize::from(first)] {
                continue;
            }
            for (place, name) in names.names.iter().enumerate() {
                if name.to_bytes().eq_ignore_ascii_case(key) {
                    values.get_or_insert([None; COUNT])[place].get_or_insert(value);
                }
            }
        }
        Self { values: values.map(|values| request.place(values)) }
    }

    /// Returns the value of a variable.
    #[inline]
    pub fn get(&self, variable: Variable) -> Option<&'r [u8]> {
        self.values?[variable as usize]
    }
}
