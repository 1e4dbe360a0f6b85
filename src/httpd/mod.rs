//! The only place that knows httpd. Edge.
