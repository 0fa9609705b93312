//! Bounds that both halves enforce, with the arithmetic behind them.

/// Largest request body that the gate ever passes on, and the origin ever
/// reads: the reference systems' 10 MB, as 10 × 1,024 × 1,024 bytes.
pub const MAX_BODY_BYTES: u64 = 10 * 1024 * 1024;

/// How far the clocks of edge and origin may differ.
pub const MAX_CLOCK_SKEW_S: u64 = 30;

/// How long a seal is good for after it was made. The origin remembers a nonce
/// for skew + lifetime + skew = 90 s at most.
pub const SEAL_LIFETIME_S: u64 = 30;

/// Longest value of one identity member, in bytes. Subject, session, tenant,
/// role and token id together stay far below the origin's 64 KB of headers.
pub const MAX_IDENTITY_VALUE_BYTES: usize = 256;

/// Shortest key of a seal or of encrypted fields: the output length of SHA-256 (RFC 2104 §3).
pub const MIN_KEY_BYTES: usize = 32;

/// Longest one: more than 32 for systems whose key was a text of theirs, such as one in hex.
pub const MAX_KEY_BYTES: usize = 128;

/// Most revocations, and most locks, that one answer of the origin carries: a
/// user with more sessions is revoked as a whole.
pub const MAX_REVOCATIONS: usize = 64;

/// Longest outcome in bytes: the platform takes 16 KB of headers, base64 makes
/// of this a half.
pub const MAX_OUTCOME_BYTES: usize = 6 * 1024;
