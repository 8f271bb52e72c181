//! What a template may cost.

/// The longest template file.
pub(super) const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The most files that a folder of templates may hold.
pub(super) const FILES_MAX: usize = 200;

/// What one rendering of one part may spend: about one unit for an instruction or for 64 bytes.
pub(super) const FUEL: u64 = 20_000;

/// The longest part that a template may make.
pub(super) const PART_BYTES_MAX: usize = 256 * 1024;

/// The most bytes that the values of one mail may have together.
pub(super) const DATA_BYTES_MAX: usize = 64 * 1024;
