// PutObject with AWS SDK for Java v1, as Spark 3's S3A uses it, and what it makes of the answer: "403 AccessDenied", or
// the exception. Arguments: endpoint, access key, secret, bucket, MiB.

import com.amazonaws.ClientConfiguration;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.model.AmazonS3Exception;
import com.amazonaws.services.s3.model.ObjectMetadata;
import com.amazonaws.services.s3.model.PutObjectRequest;
import java.io.File;
import java.io.RandomAccessFile;

public class SdkPut {
    public static void main(String[] arguments) throws Exception {
        File file = File.createTempFile("upload", null);
        try (RandomAccessFile sparse = new RandomAccessFile(file, "rw")) {
            sparse.setLength(Long.parseLong(arguments[4]) << 20);
        }
        for (boolean expects : new boolean[] {true, false}) {
            AmazonS3 s3 = AmazonS3ClientBuilder.standard()
                    .withEndpointConfiguration(new EndpointConfiguration(arguments[0], "us-east-1"))
                    .withCredentials(new AWSStaticCredentialsProvider(
                            new BasicAWSCredentials(arguments[1], arguments[2])))
                    .withPathStyleAccessEnabled(true)
                    .withClientConfiguration(
                            new ClientConfiguration().withMaxErrorRetry(0).withUseExpectContinue(expects))
                    .build();
            try {
                s3.putObject(new PutObjectRequest(arguments[3], "k", file));
                System.out.println("stored");
            } catch (AmazonS3Exception refused) {
                System.out.println(refused.getStatusCode() + " " + refused.getErrorCode());
            } catch (Exception error) {
                System.out.println("failed: " + error);
            }
            s3.shutdown();
        }
        file.delete();
    }
}
