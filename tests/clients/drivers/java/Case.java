// What drivers in Java share: the data, and how a case is told. The door and what is printed: ../case.py.

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

class Case {
    interface Body {
        void run() throws Exception;
    }

    /** Thrown by a case that its client is too old for: it is left out. */
    static class TooOld extends Exception {
    }

    static final String BUCKET = System.getenv("S3_BUCKET");
    static final String ENDPOINT = System.getenv("S3_ENDPOINT");
    static final boolean TLS = ENDPOINT.startsWith("https");
    static final String ODD = "dir x+y=1/é ~*'().txt";
    static byte[] large;
    static byte[] small;

    static void load() throws Exception {
        large = Files.readAllBytes(Path.of(System.getenv("S3_FILE")));
        small = Arrays.copyOf(large, 1024);
    }

    static void same(byte[] found, byte[] expected) {
        check(Arrays.equals(found, expected), "read " + found.length + " bytes, not the " + expected.length + " written");
    }

    static void check(boolean fine, String what) {
        if (!fine) {
            throw new AssertionError(what);
        }
    }

    /** Keys of the listing, in any order. */
    static void listed(List<String> names) throws Exception {
        List<byte[]> keys = new ArrayList<>();
        names.forEach(name -> keys.add(name.getBytes(StandardCharsets.UTF_8)));
        keys.sort(Arrays::compareUnsigned);
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (int i = 0; i < keys.size(); i++) {
            digest.update(i == 0 ? new byte[0] : new byte[] {'\n'});
            digest.update(keys.get(i));
        }
        check(HexFormat.of().formatHex(digest.digest()).equals(System.getenv("S3_LISTED")), keys.size() + " other keys");
    }

    static void tell(String name, Body body) {
        String wanted = System.getenv("S3_CASES");
        if (wanted != null && !Arrays.asList(wanted.split(",")).contains(name)) {
            return;
        }
        String error = "";
        try {
            body.run();
        } catch (TooOld older) {
            return;
        } catch (Throwable failed) {
            failed.printStackTrace();
            error = ", \"error\": \"" + failed.toString().replaceAll("[\\\\\"\\p{Cntrl}]", " ") + "\"";
        }
        System.out.println("{\"case\": \"" + name + "\"" + error + "}");
        System.out.flush();
    }
}
