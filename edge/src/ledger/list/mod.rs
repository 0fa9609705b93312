//! Block lists.
