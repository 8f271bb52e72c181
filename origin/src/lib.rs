//! Where a figure comes from: the code and the machine. What writes a report (`bench`, `sim`, `loadgen`) signs it with both,
//! and a page of claims tells by the code which reports are old.
//!
//! ```
//! let machine = origin::machine();
//! assert!(machine.cpus >= 1);
//! ```

mod code;
mod machine;

pub use code::git_ref;
pub use machine::{Machine, machine};
