// AWS SDK for Java 2, with the HTTP client that ENGINE names. The door and what is printed: ../case.py.

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.core.sync.ResponseTransformer;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.*;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.transfer.s3.S3TransferManager;

public class SdkV2 extends Case {
    static final String ENGINE = System.getenv("ENGINE");
    static final URI ENDPOINT = URI.create(System.getenv("S3_ENDPOINT"));
    static final Region REGION = Region.of(System.getenv("S3_REGION"));
    static final StaticCredentialsProvider KEYS = StaticCredentialsProvider.create(
            AwsBasicCredentials.create(System.getenv("S3_KEY"), System.getenv("S3_SECRET")));
    static S3Client sync;
    static S3AsyncClient async;

    public static void main(String[] arguments) throws Exception {
        load();
        connect();
        tell("put-empty", () -> put("empty", new byte[0], r -> {}));
        tell("put-small", () -> put("small", small, r -> {}));
        tell("put-bytes", () -> put("bytes", large, r -> {}));
        tell("put-file", SdkV2::file);
        tell("put-stream", SdkV2::stream);
        tell("multipart", SdkV2::multipart);
        tell("get", SdkV2::transfer);
        tell("ranges", () -> {
            same(get("bytes", "bytes=70000-139999"), Arrays.copyOfRange(large, 70000, 140000));
            same(get("bytes", "bytes=-5"), Arrays.copyOfRange(large, large.length - 5, large.length));
        });
        tell("list", SdkV2::list);
        tell("copy", () -> {
            put(ODD, small, r -> {});
            CopyObjectRequest copy = CopyObjectRequest.builder()
                    .sourceBucket(BUCKET).sourceKey(ODD).destinationBucket(BUCKET).destinationKey("copy").build();
            var ignored = sync != null ? sync.copyObject(copy) : async.copyObject(copy).join();
            same(get("copy", null), small);
        });
        tell("delete-many", SdkV2::deleteMany);
        tell("presign-get", () -> same(presigned("GET"), small));
        tell("presign-put", () -> {
            presigned("PUT");
            same(get("signed", null), small);
        });
        tell("if-none-match", () -> {
            put("once", small, r -> r.ifNoneMatch("*"));
            try {
                put("once", small, r -> r.ifNoneMatch("*"));
            } catch (Exception refused) {
                check(refused.toString().contains("412"), refused.toString());
                return;
            }
            throw new AssertionError("was not refused");
        });
        tell("checksums", () -> {
            for (String name : new String[] {"CRC32", "CRC32_C", "SHA1", "SHA256"}) {
                put(name, small, r -> r.checksumAlgorithm(ChecksumAlgorithm.valueOf(name)));
            }
        });
        tell("metadata", () -> {
            put("metadata", small, r -> r.metadata(Map.of("a", "b c")).contentType("text/plain"));
            HeadObjectRequest head = HeadObjectRequest.builder().bucket(BUCKET).key("metadata").build();
            HeadObjectResponse found = sync != null ? sync.headObject(head) : async.headObject(head).join();
            check("b c".equals(found.metadata().get("a")), found.toString());
        });
        System.exit(0);
    }

    static void connect() {
        boolean tls = ENDPOINT.getScheme().equals("https");
        if (ENGINE.equals("crt")) {
            async = S3AsyncClient.crtBuilder()
                    .endpointOverride(ENDPOINT).region(REGION).credentialsProvider(KEYS).forcePathStyle(true)
                    .minimumPartSizeInBytes(8L << 20)
                    // it reads no trust store of Java's
                    .httpConfiguration(c -> c.trustAllCertificatesEnabled(tls))
                    .build();
        } else if (ENGINE.equals("netty")) {
            async = S3AsyncClient.builder()
                    .endpointOverride(ENDPOINT).region(REGION).credentialsProvider(KEYS).forcePathStyle(true)
                    .httpClientBuilder(NettyNioAsyncHttpClient.builder())
                    .overrideConfiguration(c -> c.retryStrategy(r -> r.maxAttempts(1)))
                    .build();
        } else {
            sync = S3Client.builder()
                    .endpointOverride(ENDPOINT).region(REGION).credentialsProvider(KEYS).forcePathStyle(true)
                    .httpClient(ENGINE.equals("url")
                            ? UrlConnectionHttpClient.builder().build() : ApacheHttpClient.builder().build())
                    .overrideConfiguration(c -> c.retryStrategy(r -> r.maxAttempts(1)))
                    .build();
        }
    }

    static void put(String key, byte[] data, Consumer<PutObjectRequest.Builder> more) {
        PutObjectRequest.Builder request = PutObjectRequest.builder().bucket(BUCKET).key(key);
        more.accept(request);
        if (sync != null) {
            sync.putObject(request.build(), RequestBody.fromBytes(data));
        } else {
            async.putObject(request.build(), AsyncRequestBody.fromBytes(data)).join();
        }
        same(get(key, null), data);
    }

    static byte[] get(String key, String range) {
        GetObjectRequest request = GetObjectRequest.builder().bucket(BUCKET).key(key).range(range).build();
        ResponseBytes<GetObjectResponse> found = sync != null
                ? sync.getObject(request, ResponseTransformer.toBytes())
                : async.getObject(request, AsyncResponseTransformer.toBytes()).join();
        return found.asByteArray();
    }

    static void file() {
        PutObjectRequest request = PutObjectRequest.builder().bucket(BUCKET).key("file").build();
        Path path = Path.of(System.getenv("S3_FILE"));
        if (sync != null) {
            sync.putObject(request, RequestBody.fromFile(path));
        } else {
            async.putObject(request, AsyncRequestBody.fromFile(path)).join();
        }
        same(get("file", null), large);
    }

    static void stream() {
        PutObjectRequest request = PutObjectRequest.builder().bucket(BUCKET).key("stream").build();
        ByteArrayInputStream in = new ByteArrayInputStream(large);
        if (sync != null) {
            sync.putObject(request, RequestBody.fromInputStream(in, large.length));
        } else {
            var threads = Executors.newSingleThreadExecutor();
            async.putObject(request, AsyncRequestBody.fromInputStream(in, (long) large.length, threads)).join();
        }
        same(get("stream", null), large);
    }

    static void multipart() {
        CreateMultipartUploadRequest create =
                CreateMultipartUploadRequest.builder().bucket(BUCKET).key("multipart").build();
        String id = (sync != null ? sync.createMultipartUpload(create) : async.createMultipartUpload(create).join())
                .uploadId();
        List<CompletedPart> parts = new ArrayList<>();
        for (int number = 1; number <= 4; number++) {
            int from = (number - 1) * (5 << 20);
            byte[] data = Arrays.copyOfRange(large, from, Math.min(from + (5 << 20), large.length));
            UploadPartRequest part = UploadPartRequest.builder()
                    .bucket(BUCKET).key("multipart").uploadId(id).partNumber(number).build();
            UploadPartResponse done = sync != null
                    ? sync.uploadPart(part, RequestBody.fromBytes(data))
                    : async.uploadPart(part, AsyncRequestBody.fromBytes(data)).join();
            parts.add(CompletedPart.builder().partNumber(number).eTag(done.eTag()).checksumCRC32(done.checksumCRC32())
                    .build());
        }
        CompleteMultipartUploadRequest complete = CompleteMultipartUploadRequest.builder()
                .bucket(BUCKET).key("multipart").uploadId(id).multipartUpload(m -> m.parts(parts)).build();
        var ignored = sync != null ? sync.completeMultipartUpload(complete)
                : async.completeMultipartUpload(complete).join();
        same(get("multipart", null), large);
    }

    /** By the TransferManager, where there is an asynchronous client. */
    static void transfer() throws Exception {
        if (sync != null) {
            same(get("bytes", null), large);
            return;
        }
        Path got = Path.of(System.getenv("S3_WORK"), "got");
        S3TransferManager manager = S3TransferManager.builder().s3Client(async).build();
        manager.uploadFile(u -> u.source(Path.of(System.getenv("S3_FILE")))
                .putObjectRequest(r -> r.bucket(BUCKET).key("managed"))).completionFuture().join();
        manager.downloadFile(d -> d.destination(got).getObjectRequest(r -> r.bucket(BUCKET).key("managed")))
                .completionFuture().join();
        same(Files.readAllBytes(got), large);
    }

    static void list() throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        String token = null;
        int count = 0;
        do {
            ListObjectsV2Request request = ListObjectsV2Request.builder()
                    .bucket(System.getenv("S3_LISTING")).continuationToken(token).build();
            ListObjectsV2Response page = sync != null ? sync.listObjectsV2(request) : async.listObjectsV2(request).join();
            for (S3Object one : page.contents()) {
                digest.update(((count++ == 0 ? "" : "\n") + one.key()).getBytes(StandardCharsets.UTF_8));
            }
            token = page.nextContinuationToken();
        } while (token != null);
        check(HexFormat.of().formatHex(digest.digest()).equals(System.getenv("S3_LISTED")), count + " other keys");
    }

    static void deleteMany() {
        List<ObjectIdentifier> keys = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            put("many/" + i + " é+", small, r -> {});
            keys.add(ObjectIdentifier.builder().key("many/" + i + " é+").build());
        }
        DeleteObjectsRequest delete = DeleteObjectsRequest.builder().bucket(BUCKET).delete(d -> d.objects(keys)).build();
        DeleteObjectsResponse done = sync != null ? sync.deleteObjects(delete) : async.deleteObjects(delete).join();
        check(done.deleted().size() == 10, done.toString());
    }

    static byte[] presigned(String method) throws Exception {
        S3Presigner presigner = S3Presigner.builder().endpointOverride(ENDPOINT).region(REGION)
                .credentialsProvider(KEYS)
                .serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build()).build();
        boolean reads = method.equals("GET");
        var url = reads
                ? presigner.presignGetObject(p -> p.signatureDuration(Duration.ofMinutes(5))
                        .getObjectRequest(r -> r.bucket(BUCKET).key(ODD))).url()
                : presigner.presignPutObject(p -> p.signatureDuration(Duration.ofMinutes(5))
                        .putObjectRequest(r -> r.bucket(BUCKET).key("signed"))).url();
        HttpRequest request = HttpRequest.newBuilder(URI.create(url.toString()))
                .method(method, reads ? HttpRequest.BodyPublishers.noBody()
                        : HttpRequest.BodyPublishers.ofByteArray(small)).build();
        HttpResponse<byte[]> answer = java.net.http.HttpClient.newBuilder()
                .version(java.net.http.HttpClient.Version.HTTP_1_1).build()
                .send(request, HttpResponse.BodyHandlers.ofByteArray());
        check(answer.statusCode() == 200, answer.statusCode() + " " + new String(answer.body()));
        return answer.body();
    }
}
