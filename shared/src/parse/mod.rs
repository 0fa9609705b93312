//! Readings of a request that both halves share: two readings of one request
//! are a way around the WAF.

pub mod cookie;
pub mod percent;
pub mod query;
