//! libFuzzer's entrance to every target: `FAROL_FUZZ` names which.

#![no_main]

use std::sync::OnceLock;

use farol_fuzz::{TARGETS, Target};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static CHOSEN: OnceLock<&Target> = OnceLock::new();
    let target = CHOSEN.get_or_init(|| {
        let name = std::env::var("FAROL_FUZZ").unwrap_or_default();
        TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            panic!("FAROL_FUZZ={name:?} names no target; there are {}", names.join(", "))
        })
    });
    (target.run)(bytes);
});
