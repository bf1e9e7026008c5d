//! AWS's SDK for Rust. The door and what is printed: ../../case.py.

use std::convert::Infallible;
use std::env::var;
use std::error::Error;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{Config, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use aws_sdk_s3::Client;
use aws_smithy_http_client::tls::{rustls_provider::CryptoMode, Provider, TlsContext, TrustStore};
use aws_smithy_http_client::Builder;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};

type Done = Result<(), Box<dyn Error>>;

const ODD: &str = "dir x+y=1/é ~*'().txt";
const PART: usize = 5 << 20;
const CASES: [&str; 16] = [
    "put-empty", "put-small", "put-bytes", "put-file", "put-stream", "multipart", "get", "ranges", "list", "copy",
    "delete-many", "presign-get", "presign-put", "if-none-match", "checksums", "metadata",
];

struct Door {
    s3: Client,
    bucket: String,
    large: Bytes,
    small: Bytes,
}

/// A body that is read as it is sent, and cannot be read twice.
struct Once(Bytes);

impl Body for Once {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let size = self.0.len().min(100_000);
        let piece = self.0.split_to(size);
        Poll::Ready((size > 0).then(|| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

impl Door {
    fn new() -> Result<Self, Box<dyn Error>> {
        let mut http = TlsContext::builder();
        let ca = env("S3_CA");
        if !ca.is_empty() {
            http = http.with_trust_store(TrustStore::empty().with_pem_certificate(std::fs::read(ca)?));
        }
        let client = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(http.build()?)
            .build_https();
        let config = Config::builder()
            .endpoint_url(env("S3_ENDPOINT"))
            .region(Region::new(env("S3_REGION")))
            .credentials_provider(Credentials::new(env("S3_KEY"), env("S3_SECRET"), None, None, "lab"))
            .force_path_style(true)
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(client)
            .build();
        let large = Bytes::from(std::fs::read(env("S3_FILE"))?);
        let small = large.slice(..1024);
        Ok(Door { s3: Client::from_conf(config), bucket: env("S3_BUCKET"), large, small })
    }

    async fn case(&self, name: &str) -> Done {
        match name {
            "put-empty" => self.round("empty", Bytes::new()).await,
            "put-small" => self.round("small", self.small.clone()).await,
            "put-bytes" => self.round("bytes", self.large.clone()).await,
            "put-file" => {
                self.put("file", ByteStream::from_path(env("S3_FILE")).await?).await?;
                same(self.get("file", None).await?, &self.large)
            }
            "put-stream" => {
                self.put("stream", ByteStream::from_body_1_x(Once(self.large.clone()))).await?;
                same(self.get("stream", None).await?, &self.large)
            }
            "multipart" => self.multipart().await,
            "get" => same(self.get("bytes", None).await?, &self.large),
            "ranges" => {
                same(self.get("bytes", Some("bytes=70000-139999")).await?, &self.large[70_000..140_000])?;
                same(self.get("bytes", Some("bytes=-5")).await?, &self.large[self.large.len() - 5..])
            }
            "list" => self.list().await,
            "copy" => {
                self.put(ODD, self.small.clone().into()).await?;
                let source = format!("{}/{}", self.bucket, encoded(ODD));
                self.s3.copy_object().bucket(&self.bucket).key("copy").copy_source(source).send().await?;
                same(self.get("copy", None).await?, &self.small)
            }
            "delete-many" => self.delete_many().await,
            "presign-get" => {
                let get = self.s3.get_object().bucket(&self.bucket).key(ODD);
                let url = get.presigned(PresigningConfig::expires_in(Duration::from_secs(300))?).await?;
                same(fetched(url.uri(), false)?.into(), &self.small)
            }
            "presign-put" => {
                let put = self.s3.put_object().bucket(&self.bucket).key("signed");
                let url = put.presigned(PresigningConfig::expires_in(Duration::from_secs(300))?).await?;
                fetched(url.uri(), true)?;
                same(self.get("signed", None).await?, &self.large)
            }
            "if-none-match" => self.if_none_match().await,
            "checksums" => self.checksums().await,
            "metadata" => self.metadata().await,
            _ => Err("is no case".into()),
        }
    }

    async fn put(&self, key: &str, body: ByteStream) -> Done {
        self.s3.put_object().bucket(&self.bucket).key(key).body(body).send().await?;
        Ok(())
    }

    async fn get(&self, key: &str, range: Option<&str>) -> Result<Bytes, Box<dyn Error>> {
        let asked = self.s3.get_object().bucket(&self.bucket).key(key).set_range(range.map(str::to_owned));
        Ok(asked.send().await?.body.collect().await?.into_bytes())
    }

    async fn round(&self, key: &str, data: Bytes) -> Done {
        self.put(key, data.clone().into()).await?;
        same(self.get(key, None).await?, &data)
    }

    async fn multipart(&self) -> Done {
        let begun = self.s3.create_multipart_upload().bucket(&self.bucket).key("multipart");
        let begun = begun.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await?;
        let id = begun.upload_id().unwrap_or_default();
        let mut parts = CompletedMultipartUpload::builder();
        for (number, data) in (1..).zip(self.large.chunks(PART)) {
            let part = self.s3.upload_part().bucket(&self.bucket).key("multipart").upload_id(id).part_number(number);
            let done = part.body(Bytes::copy_from_slice(data).into()).send().await?;
            let told = CompletedPart::builder().part_number(number).set_e_tag(done.e_tag().map(str::to_owned));
            parts = parts.parts(told.set_checksum_crc32(done.checksum_crc32().map(str::to_owned)).build());
        }
        let end = self.s3.complete_multipart_upload().bucket(&self.bucket).key("multipart").upload_id(id);
        end.multipart_upload(parts.build()).send().await?;
        same(self.get("multipart", None).await?, &self.large)
    }

    async fn list(&self) -> Done {
        let mut pages = self.s3.list_objects_v2().bucket(env("S3_LISTING")).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            keys.extend(page?.contents().iter().filter_map(|one| one.key().map(str::to_owned)));
        }
        let digest = Sha256::digest(keys.join("\n").as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        check(hex == env("S3_LISTED"), format!("listed {} other keys", keys.len()))
    }

    async fn delete_many(&self) -> Done {
        let mut gone = Delete::builder();
        for number in 0..10 {
            let key = format!("many/{number} é+");
            self.put(&key, self.small.clone().into()).await?;
            gone = gone.objects(ObjectIdentifier::builder().key(key).build()?);
        }
        let done = self.s3.delete_objects().bucket(&self.bucket).delete(gone.build()?).send().await?;
        check(done.deleted().len() == 10, format!("{done:?}"))
    }

    async fn if_none_match(&self) -> Done {
        let once = || self.s3.put_object().bucket(&self.bucket).key("once").if_none_match("*");
        once().body(self.small.clone().into()).send().await?;
        let Err(refused) = once().body(self.small.clone().into()).send().await else {
            return Err("was not refused".into());
        };
        let status = refused.raw_response().map(|answer| answer.status().as_u16());
        check(status == Some(412), DisplayErrorContext(&refused).to_string())
    }

    async fn checksums(&self) -> Done {
        use ChecksumAlgorithm::{Crc32, Crc32C, Crc64Nvme, Sha1, Sha256};
        for algorithm in [Crc32, Crc32C, Sha1, Sha256, Crc64Nvme] {
            for (size, body) in [
                ("small", ByteStream::from(self.small.clone())),
                ("file", ByteStream::from_path(env("S3_FILE")).await?),
            ] {
                let put = self.s3.put_object().bucket(&self.bucket).key(format!("{algorithm} {size}"));
                put.checksum_algorithm(algorithm.clone()).body(body).send().await?;
            }
        }
        Ok(())
    }

    async fn metadata(&self) -> Done {
        let put = self.s3.put_object().bucket(&self.bucket).key("metadata").metadata("a", "b c");
        put.content_type("text/plain").body(self.small.clone().into()).send().await?;
        let head = self.s3.head_object().bucket(&self.bucket).key("metadata").send().await?;
        let value = head.metadata().and_then(|all| all.get("a")).cloned().unwrap_or_default();
        check(value == "b c", format!("{head:?}"))
    }
}

/// Use a presigned URL as anybody may, without the client.
fn fetched(url: &str, put: bool) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]);
    if !env("S3_CA").is_empty() {
        curl.args(["--cacert", &env("S3_CA")]);
    }
    if put {
        curl.args(["--upload-file", &env("S3_FILE")]);
    }
    let ended = curl.arg(url).output()?;
    check(ended.status.success(), String::from_utf8_lossy(&ended.stdout).into_owned())?;
    Ok(ended.stdout)
}

fn encoded(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    key.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn same(found: Bytes, expected: &[u8]) -> Done {
    check(found == expected, format!("read {} bytes, not the {} written", found.len(), expected.len()))
}

fn check(fine: bool, what: String) -> Done {
    if fine { Ok(()) } else { Err(what.into()) }
}

fn env(name: &str) -> String {
    var(name).unwrap_or_default()
}

#[tokio::main]
async fn main() -> Done {
    let door = Door::new()?;
    let wanted = env("S3_CASES");
    for name in CASES {
        if !wanted.is_empty() && !wanted.split(',').any(|one| one == name) {
            continue;
        }
        match door.case(name).await {
            Ok(()) => println!("{{\"case\": \"{name}\"}}"),
            Err(error) => {
                let text = DisplayErrorContext(error.as_ref()).to_string();
                let told: String = text.chars().map(|c| if c.is_control() || "\\\"".contains(c) { ' ' } else { c }).collect();
                println!("{{\"case\": \"{name}\", \"error\": \"{told}\"}}");
            }
        }
    }
    Ok(())
}
