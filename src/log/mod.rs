//! Log lines: messages, stamps, sinks and the tracing subscriber.
