// Iceberg's own S3FileIO, without Hadoop, and a table in a catalogue of SQLite. The door and what is printed: ../case.py.

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.iceberg.DataFiles;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.aws.s3.S3FileIO;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.exceptions.AlreadyExistsException;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.FileInfo;
import org.apache.iceberg.io.PositionOutputStream;
import org.apache.iceberg.io.RangeReadable;
import org.apache.iceberg.io.SeekableInputStream;
import org.apache.iceberg.jdbc.JdbcCatalog;
import org.apache.iceberg.types.Types;

public class Iceberg extends Case {
    public static void main(String[] arguments) throws Exception {
        load();
        S3FileIO io = io();
        tell("put-empty", () -> round(io, "empty", new byte[0]));
        tell("put-small", () -> round(io, "small", small));
        tell("put-bytes", () -> round(io("s3.multipart.part-size-bytes", "33554432"), "bytes", large));
        tell("put-stream", () -> {
            try (PositionOutputStream out = io.newOutputFile(path("stream")).create()) {
                for (int at = 0; at < large.length; at += 10_000) {
                    out.write(large, at, Math.min(10_000, large.length - at));
                }
            }
            same(read(io, "stream"), large);
        });
        tell("multipart", () -> round(io, "multipart", large));
        tell("get", () -> same(read(io, "bytes"), large));
        tell("ranges", () -> ranges(io));
        tell("list", () -> {
            List<String> keys = new ArrayList<>();
            String prefix = "s3://" + System.getenv("S3_LISTING") + "/";
            for (FileInfo one : io.listPrefix(prefix)) {
                keys.add(one.location().substring(prefix.length()));
            }
            listed(keys);
        });
        tell("delete-many", () -> {
            List<String> names = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                round(io, "many/" + i + " é+", small);
                names.add(path("many/" + i + " é+"));
            }
            io.deleteFiles(names);
            check(!io.newInputFile(names.get(0)).exists(), "is still there");
            round(io, ODD, small);
            io.deletePrefix(path("dir x+y=1/"));
            check(!io.newInputFile(path(ODD)).exists(), "is still there");
        });
        tell("checksums", () -> {
            S3FileIO summed = io("s3.checksum-enabled", "true");
            round(summed, "checksum/small", small);
            round(summed, "checksum/large", large);
        });
        tell("metadata", () -> {
            // tags, which are S3FileIO's only word on an object
            S3FileIO tagging = io("s3.write.tags.a", "b c", "s3.write.storage-class", "STANDARD");
            round(tagging, "tagged/small", small);
            round(tagging, "tagged/large", large);
        });
        for (String client : new String[] {"urlconnection", "apache"}) {
            tell("http-client " + client, () -> {
                S3FileIO by = io("http-client.type", client);
                round(by, client + "/small", small);
                round(by, client + "/large", large);
            });
        }
        tell("table", Iceberg::table);
        System.exit(0);
    }

    static Map<String, String> properties(String... more) {
        Map<String, String> all = new HashMap<>(Map.of(
                "s3.endpoint", ENDPOINT, "s3.path-style-access", "true", "client.region", System.getenv("S3_REGION"),
                "s3.access-key-id", System.getenv("S3_KEY"), "s3.secret-access-key", System.getenv("S3_SECRET"),
                "s3.multipart.part-size-bytes", "5242880", "s3.retry.num-retries", "0",
                "s3.staging-dir", System.getenv("S3_WORK")));
        for (int i = 0; i < more.length; i += 2) {
            all.put(more[i], more[i + 1]);
        }
        return all;
    }

    static S3FileIO io(String... more) {
        S3FileIO io = new S3FileIO();
        io.initialize(properties(more));
        return io;
    }

    static String path(String key) {
        return "s3://" + BUCKET + "/" + key;
    }

    static void round(S3FileIO io, String key, byte[] data) throws Exception {
        try (PositionOutputStream out = io.newOutputFile(path(key)).createOrOverwrite()) {
            out.write(data);
        }
        same(read(io, key), data);
    }

    static byte[] read(S3FileIO io, String key) throws Exception {
        try (SeekableInputStream in = io.newInputFile(path(key)).newStream()) {
            return in.readAllBytes();
        }
    }

    static void ranges(S3FileIO io) throws Exception {
        try (SeekableInputStream in = io.newInputFile(path("bytes")).newStream()) {
            in.seek(15_000_000);
            same(in.readNBytes(1000), Arrays.copyOfRange(large, 15_000_000, 15_001_000));
            byte[] found = new byte[70_000];
            ((RangeReadable) in).readFully(70_000, found);
            same(found, Arrays.copyOfRange(large, 70_000, 140_000));
            byte[] last = new byte[5];
            ((RangeReadable) in).readTail(last);
            same(last, Arrays.copyOfRange(large, large.length - 5, large.length));
        }
    }

    /** Created, appended to, planned, rewritten and dropped: metadata in JSON and Avro. */
    static void table() throws Exception {
        try (JdbcCatalog catalog = new JdbcCatalog()) {
            catalog.initialize("lab", properties(
                    "uri", "jdbc:sqlite:" + System.getenv("S3_WORK") + "/catalog.db", "jdbc.schema-version", "V1",
                    "warehouse", path("warehouse x+y"), "io-impl", S3FileIO.class.getName()));
            catalog.createNamespace(Namespace.of("n"));
            TableIdentifier name = TableIdentifier.of("n", "t");
            Schema schema = new Schema(
                    Types.NestedField.required(1, "id", Types.LongType.get()),
                    Types.NestedField.optional(2, "p", Types.StringType.get()));
            PartitionSpec spec = PartitionSpec.builderFor(schema).identity("p").build();
            Table table = catalog.createTable(name, schema, spec);
            for (String value : new String[] {"a b", "é+", "100%"}) {
                table.newAppend().appendFile(DataFiles.builder(spec).withPartitionPath("p="
                        + java.net.URLEncoder.encode(value, "UTF-8")).withPath(table.location() + "/data/" + value)
                        .withFileSizeInBytes(10).withRecordCount(1).withFormat("parquet").build()).commit();
            }
            int files = 0;
            try (CloseableIterable<FileScanTask> tasks = catalog.loadTable(name).newScan().planFiles()) {
                for (FileScanTask ignored : tasks) {
                    files++;
                }
            }
            check(files == 3, files + " files");
            table.rewriteManifests().clusterBy(file -> "").commit();
            table.expireSnapshots().expireOlderThan(System.currentTimeMillis()).retainLast(1).commit();
            try {
                catalog.createTable(name, schema);
                throw new AssertionError("was not refused");
            } catch (AlreadyExistsException refused) {
                check(catalog.dropTable(name, true), "was not dropped");
            }
        }
    }
}
