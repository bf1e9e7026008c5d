// AWS SDK for Java 1, with its TransferManager's uploads by hand. The door and what is printed: ../case.py.

import com.amazonaws.ClientConfiguration;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.model.*;
import com.amazonaws.services.s3.transfer.TransferManager;
import com.amazonaws.services.s3.transfer.TransferManagerBuilder;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Date;
import java.util.HexFormat;

public class SdkV1 extends Case {
    static AmazonS3 s3;

    public static void main(String[] arguments) throws Exception {
        File file = new File(System.getenv("S3_FILE"));
        load();
        s3 = AmazonS3ClientBuilder.standard()
                .withEndpointConfiguration(
                        new EndpointConfiguration(System.getenv("S3_ENDPOINT"), System.getenv("S3_REGION")))
                .withCredentials(new AWSStaticCredentialsProvider(
                        new BasicAWSCredentials(System.getenv("S3_KEY"), System.getenv("S3_SECRET"))))
                .withPathStyleAccessEnabled(true)
                .withClientConfiguration(new ClientConfiguration().withMaxErrorRetry(0))
                .build();
        tell("put-empty", () -> put("empty", new byte[0]));
        tell("put-small", () -> put("small", small));
        tell("put-bytes", () -> put("bytes", large));
        tell("put-file", () -> {
            s3.putObject(BUCKET, "file", file);
            same(get(new GetObjectRequest(BUCKET, "file")), large);
        });
        tell("multipart", () -> {
            TransferManager manager = TransferManagerBuilder.standard().withS3Client(s3)
                    .withMultipartUploadThreshold(5L << 20).withMinimumUploadPartSize(5L << 20).build();
            manager.upload(BUCKET, "multipart", file).waitForCompletion();
            same(get(new GetObjectRequest(BUCKET, "multipart")), large);
            manager.copy(BUCKET, "multipart", BUCKET, "multipart copy").waitForCompletion();
        });
        tell("ranges", () -> same(get(new GetObjectRequest(BUCKET, "bytes").withRange(70000, 139999)),
                Arrays.copyOfRange(large, 70000, 140000)));
        tell("list", SdkV1::list);
        tell("copy", () -> {
            put(ODD, small);
            s3.copyObject(BUCKET, ODD, BUCKET, "copy");
            same(get(new GetObjectRequest(BUCKET, "copy")), small);
        });
        tell("delete-many", () -> {
            String[] keys = new String[10];
            for (int i = 0; i < 10; i++) {
                put(keys[i] = "many/" + i + " é+", small);
            }
            check(s3.deleteObjects(new DeleteObjectsRequest(BUCKET).withKeys(keys)).getDeletedObjects().size() == 10, "");
        });
        Date soon = new Date(System.currentTimeMillis() + 60_000);
        tell("presign-get", () -> same(fetch("GET", s3.generatePresignedUrl(BUCKET, ODD, soon)), small));
        tell("presign-put", () -> {
            fetch("PUT", s3.generatePresignedUrl(BUCKET, "signed", soon, com.amazonaws.HttpMethod.PUT));
            same(get(new GetObjectRequest(BUCKET, "signed")), small);
        });
        tell("metadata", () -> {
            ObjectMetadata metadata = new ObjectMetadata();
            metadata.addUserMetadata("a", "b c");
            metadata.setContentLength(small.length);
            s3.putObject(BUCKET, "metadata", new ByteArrayInputStream(small), metadata);
            String found = s3.getObjectMetadata(BUCKET, "metadata").getUserMetadata().get("a");
            check("b c".equals(found), found);
        });
        System.exit(0);
    }

    static void put(String key, byte[] data) throws Exception {
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentLength(data.length);
        s3.putObject(BUCKET, key, new ByteArrayInputStream(data), metadata);
        same(get(new GetObjectRequest(BUCKET, key)), data);
    }

    static byte[] get(GetObjectRequest request) throws Exception {
        try (InputStream in = s3.getObject(request).getObjectContent()) {
            return in.readAllBytes();
        }
    }

    static void list() throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        int count = 0;
        ListObjectsV2Request request = new ListObjectsV2Request().withBucketName(System.getenv("S3_LISTING"));
        ListObjectsV2Result page;
        do {
            page = s3.listObjectsV2(request);
            for (S3ObjectSummary one : page.getObjectSummaries()) {
                digest.update(((count++ == 0 ? "" : "\n") + one.getKey()).getBytes(StandardCharsets.UTF_8));
            }
            request.setContinuationToken(page.getNextContinuationToken());
        } while (page.isTruncated());
        check(HexFormat.of().formatHex(digest.digest()).equals(System.getenv("S3_LISTED")), count + " other keys");
    }

    static byte[] fetch(String method, URL url) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        connection.setRequestMethod(method);
        if (method.equals("PUT")) {
            connection.setDoOutput(true);
            connection.setFixedLengthStreamingMode(small.length);
            connection.setRequestProperty("Content-Type", "");
            connection.getOutputStream().write(small);
        }
        check(connection.getResponseCode() == 200, "answered " + connection.getResponseCode());
        return connection.getInputStream().readAllBytes();
    }
}
