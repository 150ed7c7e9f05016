// The HTTP client of the JDK on chat completions, with nothing installed: each cell is a request, and what stands in its answer.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

public class Jdk {
    static final String HELLO = "\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]";
    static final String SCHEMA = "{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"],"
            + " \"additionalProperties\": false}";
    static final String TOOLS = "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \"parameters\": " + SCHEMA + "}}]";
    static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] arguments) throws Exception {
        System.out.printf("{\"version\": \"%s\"}%n", System.getProperty("java.version"));
        cell("text", "ok", HELLO, 200, "\"finish_reason\":\"stop\"");
        cell("stream", "ok", HELLO + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}", 200, "\"usage\":{\"prompt_tokens\":");
        cell("tools", "parallel_tools", HELLO + ", " + TOOLS, 200, "Oslo");
        cell("streamed tools", "parallel_tools", HELLO + ", " + TOOLS + ", \"stream\": true", 200, "\"finish_reason\":\"tool_calls\"");
        cell("errors", "ok", HELLO + ", \"temperature\": 9", 400, "\"param\":\"temperature\"");
    }

    static void cell(String name, String behaviour, String members, int status, String expected) throws Exception {
        String words = "";
        for (String provider : System.getenv("FREEAI_PROVIDERS").split(",")) {
            String body = "{\"model\": \"" + provider + "/" + behaviour + "\", " + members + "}";
            HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("FREEAI_URL") + "/v1/chat/completions"))
                    .header("Authorization", "Bearer " + System.getenv("FREEAI_KEY"))
                    .header("Content-Type", "application/json")
                    .timeout(Duration.ofSeconds(60))
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build();
            HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != status || !answer.body().contains(expected)) {
                words = provider + ": status " + answer.statusCode();
            }
        }
        System.out.printf("{\"cell\": \"%s\", \"ok\": %b, \"words\": \"%s\"}%n", name, words.isEmpty(), words);
    }
}
