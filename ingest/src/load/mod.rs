//! The load itself: a job, its workers, and what they share.

pub(crate) mod batch;
pub(crate) mod feed;
pub(crate) mod job;
pub(crate) mod parquet;
pub(crate) mod parquet_cast;
pub(crate) mod parquet_file;
pub(crate) mod progress;
pub(crate) mod rejects;
pub(crate) mod sink;
pub(crate) mod text;
