//! The status worker and the metrics against what mod_jk 1.2.48 answers in the same state.
