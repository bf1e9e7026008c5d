// Hadoop's S3A, as a FileSystem. The door and what is printed: ../case.py.

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
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
import org.apache.hadoop.fs.s3a.commit.magic.MagicS3GuardCommitter;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.TaskType;
import org.apache.hadoop.mapreduce.task.TaskAttemptContextImpl;

public class S3a extends Case {
    static FileSystem fs;

    public static void main(String[] arguments) throws Exception {
        load();
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
            round(fs, ODD, small);
            renamed(fs, ODD, "copy", small);
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
                round(summed, "checksum/" + algorithm + "/small", small);
                if (algorithm.endsWith("C")) {
                    round(summed, "checksum/" + algorithm + "/large", large);
                }
            });
        }
        tell("conditional", S3a::conditional);
        tell("vectored", () -> vectored(open(BUCKET, "fs.s3a.input.stream.type", "classic"), "vectored"));
        for (String type : new String[] {"classic", "analytics"}) {
            tell("stream " + type, () -> {
                FileSystem streaming = open(BUCKET, "fs.s3a.input.stream.type", type);
                round(streaming, type, large);
                try (FSDataInputStream in = streaming.open(path(type))) {
                    in.seek(15_000_000);
                    same(in.readNBytes(1000), Arrays.copyOfRange(large, 15_000_000, 15_001_000));
                }
            });
        }
        tell("vectored analytics", () -> vectored(open(BUCKET, "fs.s3a.input.stream.type", "analytics"), "analytics"));
        tell("expect off", () -> round(open(BUCKET, "fs.s3a.connection.expect.continue", "false"), "off", large));
        if (TLS && !System.getenv("S3_LANE").endsWith("sse-c")) {
            tell("kms by client", () -> round(
                    open(BUCKET, "fs.s3a.encryption.algorithm", "SSE-KMS", "fs.s3a.encryption.key", "my-key",
                            "fs.s3a.encryption.context", "a=b"),
                    "kms", small));
        }
        tell("magic", S3a::magic);
        System.err.println("hadoop " + version);
        System.exit(0);
    }

    static FileSystem parts() throws Exception {
        return open(BUCKET, "fs.s3a.multipart.size", "5M", "fs.s3a.multipart.threshold", "5M");
    }

    static FileSystem open(String bucket, String... settings) throws Exception {
        return FileSystem.newInstance(java.net.URI.create("s3a://" + bucket + "/"), conf(settings));
    }

    static Configuration conf(String... settings) {
        Configuration conf = new Configuration();
        conf.set("fs.s3a.endpoint", ENDPOINT);
        conf.set("fs.s3a.endpoint.region", System.getenv("S3_REGION"));
        conf.set("fs.s3a.connection.ssl.enabled", String.valueOf(TLS));
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
        return conf;
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
        List<String> keys = new ArrayList<>();
        RemoteIterator<LocatedFileStatus> files = open(System.getenv("S3_LISTING")).listFiles(new Path("/"), true);
        while (files.hasNext()) {
            keys.add(files.next().getPath().toUri().getPath().substring(1));
        }
        listed(keys);
    }

    /** A PUT, and the end of a multipart upload, that the first one wins; S3A of before 3.4.2 has no such option. */
    static void conditional() throws Exception {
        String option = "fs.option.create.conditional.overwrite";
        FileSystem asked = open(BUCKET, "fs.s3a.create.conditional.enabled", "true",
                "fs.s3a.multipart.size", "5M", "fs.s3a.multipart.threshold", "5M");
        if (!asked.hasPathCapability(path("conditional"), option)) {
            throw new TooOld();
        }
        for (byte[] data : new byte[][] {small, large}) {
            Path to = path("conditional/" + data.length);
            for (int time = 1; time <= 2; time++) {
                FSDataOutputStreamBuilder<FSDataOutputStream, ?> builder = asked.createFile(to);
                builder.must(option, true);
                try (OutputStream out = builder.overwrite(true).build()) {
                    out.write(data);
                } catch (java.io.IOException refused) {
                    check(time == 2 && refused.toString().contains("412"), refused.toString());
                    continue;
                }
                check(time == 1, "was not refused");
            }
            same(read(asked, to.toUri().getPath().substring(1)), data);
        }
        FileSystem off = open(BUCKET, "fs.s3a.create.conditional.enabled", "false");
        check(!off.hasPathCapability(path("conditional"), option), "cannot be switched off");
    }

    /** A task and its job, committed: nothing is there before. */
    static void magic() throws Exception {
        Configuration conf = conf("fs.s3a.committer.magic.enabled", "true", "fs.s3a.committer.name", "magic",
                "fs.s3a.committer.uuid", "1b9b7b6e-6d4a-4c57-a5b0-000000000001", "fs.s3a.impl.disable.cache", "true",
                "fs.s3a.multipart.size", "5M", "fs.s3a.multipart.threshold", "5M");
        Path job = new Path("s3a://" + BUCKET + "/job");
        var attempt = new TaskAttemptContextImpl(conf, new TaskAttemptID("2026", 1, TaskType.MAP, 0, 0));
        var committer = new MagicS3GuardCommitter(job, attempt);
        committer.setupJob(attempt);
        committer.setupTask(attempt);
        FileSystem of = job.getFileSystem(conf);
        try (OutputStream out = of.create(new Path(committer.getWorkPath(), "part-0"))) {
            out.write(large);
        }
        committer.commitTask(attempt);
        check(!fs.exists(path("job/part-0")), "is there before its commit");
        committer.commitJob(attempt);
        same(read(fs, "job/part-0"), large);
        check(fs.exists(path("job/_SUCCESS")), "has no _SUCCESS");
    }

    @SuppressWarnings("unchecked")
    static void vectored(FileSystem in, String key) throws Exception {
        // By reflection: Hadoop 3.3.4 has none of it.
        Class<?> range;
        try {
            range = Class.forName("org.apache.hadoop.fs.FileRange");
        } catch (ClassNotFoundException none) {
            throw new TooOld();
        }
        write(fs, key, large);
        var make = range.getMethod("createFileRange", long.class, int.class);
        List<Object> ranges = List.of(make.invoke(null, 0L, 1000), make.invoke(null, 9_000_000L, 70_000));
        try (FSDataInputStream stream = in.open(path(key))) {
            IntFunction<ByteBuffer> allocate = ByteBuffer::allocate;
            stream.getClass().getMethod("readVectored", List.class, IntFunction.class).invoke(stream, ranges, allocate);
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
}
