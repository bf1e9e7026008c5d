// PUT of many bytes with the JDK's own clients, a line for each with what it makes of the answer: "403 AccessDenied", or
// the exception. Arguments: URL, MiB. HttpClient is not asked to expect 100 Continue: it hangs whenever the answer is
// another one (JDK-8286171).

import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class JdkPut {
    static final byte[] PIECE = new byte[1 << 20];

    public static void main(String[] arguments) throws Exception {
        URI where = URI.create(arguments[0]);
        int pieces = Integer.parseInt(arguments[1]);
        tell(() -> httpClient(where, pieces));
        tell(() -> urlConnection(where, pieces, false));
        tell(() -> urlConnection(where, pieces, true));
    }

    static void tell(Callable<String> client) {
        try {
            System.out.println(client.call());
        } catch (Exception error) {
            System.out.println("failed: " + error);
        }
    }

    static String urlConnection(URI where, int pieces, boolean expects) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) where.toURL().openConnection();
        connection.setRequestMethod("PUT");
        connection.setDoOutput(true);
        connection.setFixedLengthStreamingMode((long) pieces * PIECE.length);
        if (expects) {
            connection.setRequestProperty("Expect", "100-continue");
        }
        try (OutputStream out = connection.getOutputStream()) {
            for (int i = 0; i < pieces; i++) {
                out.write(PIECE);
            }
        } catch (java.net.ProtocolException refused) {
            // What it throws when the answer to Expect is not 100; of the answer it then gives the status alone.
            return connection.getResponseCode() + " (" + refused.getMessage() + ")";
        }
        int status = connection.getResponseCode();
        try (InputStream body = connection.getErrorStream()) {
            return status + " " + code(new String(body.readAllBytes()));
        }
    }

    static String httpClient(URI where, int pieces) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(where)
                .version(HttpClient.Version.HTTP_1_1)
                .PUT(HttpRequest.BodyPublishers.fromPublisher(
                        HttpRequest.BodyPublishers.ofInputStream(() -> new Zeros(pieces)),
                        (long) pieces * PIECE.length))
                .build();
        HttpResponse<String> answer =
                HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        return answer.statusCode() + " " + code(answer.body());
    }

    static String code(String xml) {
        Matcher found = Pattern.compile("<Code>(.*?)</Code>").matcher(xml);
        return found.find() ? found.group(1) : xml;
    }

    static class Zeros extends InputStream {
        private long left;

        Zeros(int pieces) {
            left = (long) pieces * PIECE.length;
        }

        @Override
        public int read() {
            return left-- > 0 ? 0 : -1;
        }

        @Override
        public int read(byte[] into, int at, int length) {
            if (left <= 0) {
                return -1;
            }
            int given = (int) Math.min(length, left);
            left -= given;
            return given;
        }
    }
}
