//! What travels between the writer of a section and its instances: the change message, its patch, and the head.
//!
//! JSON on the wire is exactly the specification's (section 3.3); added members stand beside the specified ones, and
//! readers ignore members that they do not know, so that releases N and N+1 run side by side.

mod head;
mod message;
mod patch;
mod section;

pub use head::{Head, SourceMark};
pub use message::{ChangeMessage, MESSAGE_BYTES_MAX, MessageError, Stations, document_hash};
pub use patch::{PATCH_ITEMS_MAX, PatchError, PatchItem, apply, diff};
pub use section::{SECTION_NAME_BYTES_MAX, Section, SectionError};
