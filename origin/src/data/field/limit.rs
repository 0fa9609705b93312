//! Bounds.

/// Bytes of a field before it is sealed.
pub const MAX_FIELD_BYTES: usize = 64 * 1024;
/// Bytes of what a database may hold for one: Laravel's form writes base64 in base64.
pub(super) const MAX_STORED_BYTES: usize = 2 * MAX_FIELD_BYTES + 1024;
/// Tenants whose keys of version 1 are remembered: 1,024 of some 500 bytes.
pub(super) const MAX_DERIVED: usize = 1024;
