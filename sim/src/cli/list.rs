//! `sim list`.

use crate::check::{INVARIANTS, REQUIRED};
use crate::fault::Family;

pub(super) fn print() {
    println!("Families of faults (a seed switches each off with one half):");
    for family in Family::ALL {
        println!("  {family:?}");
    }
    println!("Invariants:");
    for (name, what) in INVARIANTS {
        println!("  {name}: {what}");
    }
    println!("Marks that a batch must hit:");
    for mark in REQUIRED {
        println!("  {mark}");
    }
    #[cfg(feature = "mutants")]
    super::mutants::print();
}
