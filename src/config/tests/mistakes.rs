//! Owns: tests of what is told about mistakes, and of what is not told because it would be untrue or useless.
//! Never knows: how loading is split into files.

use super::*;

#[test]
fn a_rejected_configuration_has_no_values_in_force() {
    let loaded = load_all(PASSWORD, &[], &[("server.port", "233300")]);
    assert!(loaded.config.is_err());
    assert_eq!(loaded.effective, []);
}
