//! Records shared by all httpd children.
