// Hadoop's S3A, as a FileSystem. The door and what is printed: ../case.py.

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntFunction;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;

public class S3a {
    interface Body {
        void run() throws Exception;
    }

    static final String BUCKET = System.getenv("S3_BUCKET");
    static byte[] large;
    static byte[] small;
    static FileSystem fs;

    public static void main(String[] arguments) throws Exception {
        large = Files.readAllBytes(java.nio.file.Path.of(System.getenv("S3_FILE")));
        small = Arrays.copyOf(large, 1024);
        if ("speed".equals(System.getenv("S3_CASES"))) {
            speed();
            System.exit(0);
        }
        fs = open(BUCKET);
        String version = org.apache.hadoop.util.VersionInfo.getVersion();
        tell("put-empty", () -> round(fs, "empty", new byte[0]));
        tell("put-small", () -> round(fs, "small", small));
        tell("put-bytes", () -> round(fs, "bytes", large));
        tell("put-file", () -> {
            fs.copyFromLocalFile(new Path("file://" + System.getenv("S3_FILE")), path("file"));
            same(read(fs, "file"), large);
        });
        tell("put-stream", () -> {
            FileSystem array = open(BUCKET, "fs.s3a.fast.upload.buffer", "bytebuffer");
            round(array, "stream", large);
        });
        tell("multipart", () -> round(parts(), "multipart", large));
        tell("ranges", () -> {
            byte[] found = new byte[70000];
            try (FSDataInputStream in = fs.open(path("bytes"))) {
                in.readFully(70000, found);
            }
            same(found, Arrays.copyOfRange(large, 70000, 140000));
        });
        tell("list", S3a::list);
        tell("copy", () -> {
            round(fs, "dir x+y=1/é ~*'().txt", small);
            renamed(fs, "dir x+y=1/é ~*'().txt", "copy", small);
            renamed(parts(), "multipart", "moved to", large);
        });
        tell("delete-many", () -> {
            for (int i = 0; i < 10; i++) {
                write(fs, "many/" + i + " é+", small);
            }
            fs.mkdirs(path("many/folder é"));
            fs.delete(path("many"), true);
            check(!fs.exists(path("many")), "is still there");
        });
        tell("if-none-match", () -> {
            FileSystem conditional = open(BUCKET, "fs.s3a.create.conditional.enabled", "true");
            try (OutputStream out = conditional.create(path("once"), false)) {
                out.write(1);
            }
            try (OutputStream out = conditional.create(path("once"), false)) {
                out.write(2);
            } catch (java.io.IOException refused) {
                return;
            }
            throw new AssertionError("was not refused");
        });
        tell("metadata", () -> {
            FSDataOutputStreamBuilder<FSDataOutputStream, ?> builder = fs.createFile(path("metadata"));
            builder.opt("fs.s3a.create.header.a", "b c");
            try (OutputStream out = builder.overwrite(true).build()) {
                out.write(small);
            }
            check("b c".equals(new String(fs.getXAttr(path("metadata"), "header.a"))), "is not what was set");
        });
        for (String algorithm : new String[] {"CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"}) {
            tell("checksum " + algorithm, () -> {
                FileSystem summed = open(BUCKET, "fs.s3a.create.checksum.algorithm", algorithm,
                        "fs.s3a.multipart.size", "5M", "fs.s3a.multipart.threshold", "5M");
                round(summed, algorithm, small);
                if (algorithm.endsWith("C")) {
                    round(summed, algorithm + " large", large);
                }
            });
        }
        tell("vectored", S3a::vectored);
        for (String type : new String[] {"classic", "analytics"}) {
            tell("stream " + type, () -> same(read(open(BUCKET, "fs.s3a.input.stream.type", type), "bytes"), large));
        }
        tell("expect off", () -> round(open(BUCKET, "fs.s3a.connection.expect.continue", "false"), "off", large));
        if (System.getenv("S3_ENDPOINT").startsWith("https") && !System.getenv("S3_LANE").endsWith("sse-c")) {
            tell("kms by client", () -> round(
                    open(BUCKET, "fs.s3a.encryption.algorithm", "SSE-KMS", "fs.s3a.encryption.key", "my-key",
                            "fs.s3a.encryption.context", "a=b"),
                    "kms", small));
        }
        tell("magic", () -> {
            FileSystem magic = open(BUCKET, "fs.s3a.committer.magic.enabled", "true");
            write(magic, "job/__magic_job-1/task/__base/part", large);
            check(!magic.exists(path("job/part")), "is there before its commit");
            magic.delete(path("job"), true);
        });
        System.err.println("hadoop " + version);
        System.exit(0);
    }

    static FileSystem parts() throws Exception {
        return open(BUCKET, "fs.s3a.multipart.size", "5M", "fs.s3a.multipart.threshold", "5M");
    }

    static FileSystem open(String bucket, String... settings) throws Exception {
        Configuration conf = new Configuration();
        String endpoint = System.getenv("S3_ENDPOINT");
        conf.set("fs.s3a.endpoint", endpoint);
        conf.set("fs.s3a.endpoint.region", System.getenv("S3_REGION"));
        conf.set("fs.s3a.connection.ssl.enabled", String.valueOf(endpoint.startsWith("https")));
        conf.set("fs.s3a.path.style.access", "true");
        conf.set("fs.s3a.access.key", System.getenv("S3_KEY"));
        conf.set("fs.s3a.secret.key", System.getenv("S3_SECRET"));
        conf.set("fs.s3a.attempts.maximum", "1");
        conf.set("fs.s3a.retry.limit", "1");
        conf.set("hadoop.tmp.dir", System.getenv("S3_WORK"));
        conf.set("fs.s3a.aws.credentials.provider", "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider");
        conf.set("fs.s3a.create.performance", "false");
        for (int i = 0; i < settings.length; i += 2) {
            conf.set(settings[i], settings[i + 1]);
        }
        return FileSystem.newInstance(java.net.URI.create("s3a://" + bucket + "/"), conf);
    }

    static Path path(String key) {
        return new Path("/" + key);
    }

    static void write(FileSystem to, String key, byte[] data) throws Exception {
        try (FSDataOutputStream out = to.create(path(key), true)) {
            out.write(data);
        }
    }

    static byte[] read(FileSystem from, String key) throws Exception {
        try (InputStream in = from.open(path(key))) {
            return in.readAllBytes();
        }
    }

    static void round(FileSystem to, String key, byte[] data) throws Exception {
        write(to, key, data);
        same(read(to, key), data);
    }

    static void renamed(FileSystem in, String from, String to, byte[] data) throws Exception {
        check(in.rename(path(from), path(to)), "rename says no");
        same(read(in, to), data);
    }

    static void list() throws Exception {
        FileSystem listing = open(System.getenv("S3_LISTING"));
        List<byte[]> keys = new ArrayList<>();
        RemoteIterator<LocatedFileStatus> files = listing.listFiles(new Path("/"), true);
        while (files.hasNext()) {
            keys.add(files.next().getPath().toUri().getPath().substring(1).getBytes(StandardCharsets.UTF_8));
        }
        keys.sort(Arrays::compareUnsigned);
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (int i = 0; i < keys.size(); i++) {
            digest.update(i == 0 ? new byte[0] : new byte[] {'\n'});
            digest.update(keys.get(i));
        }
        check(HexFormat.of().formatHex(digest.digest()).equals(System.getenv("S3_LISTED")), keys.size() + " other keys");
    }

    @SuppressWarnings("unchecked")
    static void vectored() throws Exception {
        // By reflection: Hadoop 3.3.4 has none of it.
        Class<?> range = Class.forName("org.apache.hadoop.fs.FileRange");
        var make = range.getMethod("createFileRange", long.class, int.class);
        List<Object> ranges = List.of(make.invoke(null, 0L, 1000), make.invoke(null, 9_000_000L, 70_000));
        try (FSDataInputStream in = fs.open(path("bytes"))) {
            IntFunction<ByteBuffer> allocate = ByteBuffer::allocate;
            in.getClass().getMethod("readVectored", List.class, IntFunction.class).invoke(in, ranges, allocate);
            var data = (CompletableFuture<ByteBuffer>) range.getMethod("getData").invoke(ranges.get(1));
            byte[] found = new byte[70_000];
            data.get().get(found);
            same(found, Arrays.copyOfRange(large, 9_000_000, 9_070_000));
        }
    }

    static void speed() throws Exception {
        FileSystem to = open(BUCKET);
        byte[] data = new byte[64 << 20];
        for (int i = 0; i < data.length; i++) {
            data[i] = large[i % large.length];
        }
        for (int round = 0; round < 6; round++) {
            long began = System.nanoTime();
            write(to, "speed", data);
            long put = System.nanoTime();
            read(to, "speed");
            seconds(put - began, System.nanoTime() - put);
        }
    }

    static void seconds(long put, long get) {
        System.out.printf("{\"put\": %.4f, \"get\": %.4f}%n", put / 1e9, get / 1e9);
    }

    static void same(byte[] found, byte[] expected) {
        check(Arrays.equals(found, expected), "read " + found.length + " bytes, not the " + expected.length + " written");
    }

    static void check(boolean fine, String what) {
        if (!fine) {
            throw new AssertionError(what);
        }
    }

    static void tell(String name, Body body) {
        String wanted = System.getenv("S3_CASES");
        if (wanted != null && !Arrays.asList(wanted.split(",")).contains(name)) {
            return;
        }
        String error = "";
        try {
            body.run();
        } catch (ClassNotFoundException older) {
            return;
        } catch (Throwable failed) {
            failed.printStackTrace();
            error = ", \"error\": \"" + failed.toString().replaceAll("[\\\\\"\\p{Cntrl}]", " ") + "\"";
        }
        System.out.println("{\"case\": \"" + name + "\"" + error + "}");
        System.out.flush();
    }
}
