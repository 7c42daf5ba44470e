//! Roots as users write them: a folder, `file://`, `s3://bucket/prefix`, `memory:`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::memory::InMemory;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use url::Url;

use super::backend::Backend;
use super::local::LocalBackend;
use super::remote::RemoteBackend;
use crate::error::{Error, Result};

/// Where a warehouse lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket, or part of one. Credentials and endpoint come from the environment (`AWS_…`).
    Bucket {
        /// Name of the bucket.
        bucket: String,
        /// Path within it; may be empty.
        prefix: String,
    },
    /// Memory of this process, gone with it.
    Memory,
}

impl Root {
    /// Reads a root as written by a user.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return if text.is_empty() {
                Err(Error::invalid(
                    "the root is empty; give a folder, \"file://…\", \"s3://bucket/prefix\" or \"memory:\"",
                ))
            } else {
                Ok(Self::Folder(PathBuf::from(text)))
            };
        };
        let invalid = || Error::invalid(format!("\"{text}\" is not a root"));
        let url = Url::parse(text).map_err(|error| invalid().with_source(error))?;
        match scheme {
            "file" => url.to_file_path().map(Self::Folder).map_err(|()| invalid()),
            "s3" => {
                let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or_else(invalid)?.to_owned();
                Ok(Self::Bucket { bucket, prefix: url.path().trim_matches('/').to_owned() })
            }
            _ => Err(Error::invalid(format!(
                "\"{scheme}://\" is not supported as a root; give a folder, \"file://…\", \"s3://bucket/prefix\" or \"memory:\""
            ))),
        }
    }
}

/// Opens the bare backend of a root.
pub(crate) async fn open_backend(root: &Root) -> Result<Arc<dyn Backend>> {
    match root {
        Root::Folder(path) => {
            let path = path.clone();
            let opened = tokio::task::spawn_blocking(move || LocalBackend::open(&path)).await;
            Ok(Arc::new(
                opened.map_err(|error| Error::internal("opening the root was interrupted").with_source(error))??,
            ))
        }
        Root::Bucket { bucket, prefix } => Ok(Arc::new(RemoteBackend::new(open_bucket(bucket)?, prefix))),
        Root::Memory => Ok(Arc::new(RemoteBackend::new(InMemory::new(), ""))),
    }
}

/// A client of a bucket, configured by the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
/// `AWS_ENDPOINT`, `AWS_ALLOW_HTTP` …). It does not retry on its own: that is `object::retry`'s job, which knows what
/// may be sent twice.
pub(crate) fn open_bucket(bucket: &str) -> Result<AmazonS3> {
    let no_retry =
        RetryConfig { max_retries: 0, retry_timeout: Duration::from_secs(300), backoff: BackoffConfig::default() };
    let mut client =
        ClientOptions::new().with_timeout(Duration::from_secs(300)).with_connect_timeout(Duration::from_secs(5));
    if std::env::var("AWS_ALLOW_HTTP").is_ok_and(|value| value.eq_ignore_ascii_case("true")) {
        client = client.with_allow_http(true);
    }
    AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(no_retry)
        .with_client_options(client)
        .build()
        .map_err(|error| Error::invalid(format!("cannot configure bucket \"{bucket}\"")).with_source(error))
}
