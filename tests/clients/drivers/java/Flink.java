// Flink's S3 file system plugin, without a cluster. The door and what is printed: ../case.py.

import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;

public class Flink extends Case {
    static FileSystem fs;

    public static void main(String[] arguments) throws Exception {
        load();
        Configuration conf = new Configuration();
        conf.setString("s3.endpoint", ENDPOINT);
        conf.setString("s3.endpoint.region", System.getenv("S3_REGION"));
        conf.setString("s3.region", System.getenv("S3_REGION"));
        conf.setString("s3.path.style.access", "true");
        conf.setString("s3.path-style-access", "true");
        conf.setString("s3.connection.ssl.enabled", String.valueOf(TLS));
        conf.setString("s3.access-key", System.getenv("S3_KEY"));
        conf.setString("s3.secret-key", System.getenv("S3_SECRET"));
        conf.setString("s3.upload.min.part.size", "5242880");
        conf.setString("io.tmp.dirs", System.getenv("S3_WORK"));
        FileSystem.initialize(conf, null);
        fs = FileSystem.get(URI.create("s3://" + BUCKET + "/"));
        tell("put-empty", () -> round("empty", new byte[0]));
        tell("put-small", () -> round("small", small));
        tell("put-bytes", () -> round("bytes", large));
        tell("multipart", Flink::recoverable);
        tell("get", () -> same(read("bytes"), large));
        tell("ranges", () -> {
            try (FSDataInputStream in = fs.open(path("bytes"))) {
                in.seek(15_000_000);
                same(in.readNBytes(1000), Arrays.copyOfRange(large, 15_000_000, 15_001_000));
            }
        });
        tell("list", () -> {
            List<String> keys = new ArrayList<>();
            collect(new Path("s3://" + System.getenv("S3_LISTING") + "/"), keys);
            listed(keys);
        });
        tell("copy", () -> {
            round(ODD, small);
            check(fs.rename(path(ODD), path("copy")), "rename says no");
            same(read("copy"), small);
        });
        tell("delete-many", () -> {
            for (int i = 0; i < 10; i++) {
                round("many/" + i + " é+", small);
            }
            check(fs.delete(path("many"), true), "delete says no");
            check(!fs.exists(path("many/0 é+")), "is still there");
        });
        System.exit(0);
    }

    static Path path(String key) {
        return new Path("s3://" + BUCKET + "/" + key);
    }

    static void round(String key, byte[] data) throws Exception {
        try (FSDataOutputStream out = fs.create(path(key), FileSystem.WriteMode.OVERWRITE)) {
            out.write(data);
        }
        same(read(key), data);
    }

    static byte[] read(String key) throws Exception {
        try (FSDataInputStream in = fs.open(path(key))) {
            return in.readAllBytes();
        }
    }

    /** As a streaming sink writes: parts as they fill, a checkpoint in between, and a commit. */
    static void recoverable() throws Exception {
        RecoverableFsDataOutputStream out = fs.createRecoverableWriter().open(path("multipart"));
        out.write(large, 0, 12_000_000);
        out.persist();
        out.write(large, 12_000_000, large.length - 12_000_000);
        out.closeForCommit().commit();
        same(read("multipart"), large);
    }

    static void collect(Path folder, List<String> keys) throws Exception {
        for (FileStatus one : FileSystem.get(folder.toUri()).listStatus(folder)) {
            if (one.isDir()) {
                collect(one.getPath(), keys);
            } else {
                keys.add(one.getPath().toUri().getPath().substring(1));
            }
        }
    }
}
