//! httpd's directives as a tree, ours and all others: what tells who may come to a path.

/// A directive or a section of httpd's configuration.
#[derive(Clone, Debug, Default)]
pub struct Directive {
    /// Its name as written, `<Location` for a section.
    pub name: String,
    /// The rest of its line.
    pub args: String,
    /// File and line.
    pub place: (String, u32),
    /// What stands in the section.
    pub children: Vec<Directive>,
}

impl Directive {
    /// Tells whether it has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}
