import java.net.URI;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Puts an object at each key, with the credentials that the environment's web identity token gives; says what came. */
public final class WebIdentity {
  public static void main(String[] arguments) {
    String bucket = arguments[1];
    try (S3Client s3 =
        S3Client.builder().endpointOverride(URI.create(arguments[0])).forcePathStyle(true).build()) {
      for (int i = 2; i < arguments.length; i++) {
        String key = arguments[i];
        try {
          s3.putObject(put -> put.bucket(bucket).key(key), RequestBody.fromString("hello"));
          System.out.println("200");
        } catch (S3Exception refused) {
          System.out.println(refused.statusCode() + " " + refused.awsErrorDetails().errorCode());
        }
      }
    }
  }
}
