<?php
// Lets `flushcheck diagnose https://host/flushcheck.php` measure how streams of PHP leave this host.
//
// Upload this one file. PHP 7.4 or newer, as FPM, mod_php, CGI, FastCGI or `php -S`; it reads and writes no file and
// opens no connection. It responds only to requests that carry the token, and only until the date below; for all others
// the address does not exist. Delete it when you have measured. It speaks flushcheck's origin protocol, version 1.

declare(strict_types=1);

namespace Flushcheck;

const TOKEN = "@@TOKEN@@"; // 16 or more of A-Z a-z 0-9 - _; the file serves nothing until it is set
const UNTIL = "@@UNTIL@@"; // YYYY-MM-DD, the last day (UTC) on which it responds
const MAX_STREAMS = 4; // requests that this host serves at once; a diagnosis takes no more than that

const MAX_DURATION_S = 310;
const MAX_BYTES = 1048576;
const TYPES = [
    "text/plain", "text/event-stream", "application/json", "application/x-ndjson", "application/octet-stream",
];
const TRANSPORTS = [
    "chunked" => "text/plain; charset=utf-8",
    "events" => "text/event-stream; charset=utf-8",
    "polling" => "application/json",
];
// What the script does after each piece: nothing, flush(), ob_flush() and flush(), or flush() after it has closed all of
// PHP's buffers at the start. The last one is the default: what is still held then, PHP does not hold.
const FLUSHES = ["never", "flush", "both", "endclean"];

/** A request that this file refuses; the message repeats nothing of it. */
final class BadRequest extends \Exception
{
}

/** The query as it was sent: $_GET hides what comes twice. */
function query(): array
{
    $values = [];
    foreach (explode("&", (string) ($_SERVER["QUERY_STRING"] ?? "")) as $pair) {
        $parts = explode("=", $pair, 2);
        $values[urldecode($parts[0])][] = urldecode($parts[1] ?? "");
    }
    return $values;
}

function one(array $query, string $name, string $absent): string
{
    if (count($query[$name] ?? []) > 1) {
        throw new BadRequest("$name: expected once");
    }
    return $query[$name][0] ?? $absent;
}

function number(array $query, string $name, string $absent, float $low, float $high): float
{
    $raw = one($query, $name, $absent);
    $is_number = strlen($raw) <= 12 && preg_match('/^(\d+\.?\d*|\.\d+)$/D', $raw);
    if (!$is_number || (float) $raw < $low || (float) $raw > $high) {
        throw new BadRequest("$name: expected $low to $high");
    }
    return (float) $raw;
}

function whole(array $query, string $name, int $absent, int $low, int $high): int
{
    $raw = one($query, $name, (string) $absent);
    if (!preg_match('/^\d{1,12}$/D', $raw) || (int) $raw < $low || (int) $raw > $high) {
        throw new BadRequest("$name: expected a whole number from $low to $high");
    }
    return (int) $raw;
}

function choice(array $query, string $name, string $absent, array $choices): string
{
    $value = one($query, $name, $absent);
    if (!in_array($value, $choices, true)) {
        throw new BadRequest("$name: expected one of " . implode(", ", $choices));
    }
    return $value;
}

/** The parameters of a stream, all within bounds. */
function parameters(array $query, string $transport): array
{
    $stream = [
        "count" => whole($query, "count", 20, 1, 1000),
        "interval" => number($query, "interval", "0.1", 0, 300),
        "size" => whole($query, "size", 16, 1, 65536),
        "pad" => whole($query, "pad", 0, 0, 65536),
        "delay" => number($query, "delay", "0", 0, 30),
        "cnt" => one($query, "cnt", "0"),
        "type" => TRANSPORTS[$transport],
        "flush" => choice($query, "flush", FLUSHES[count(FLUSHES) - 1], FLUSHES),
    ];
    if (isset($query["type"])) {
        $stream["type"] = choice($query, "type", "", TYPES) . "; charset=utf-8";
    }
    foreach (["xab", "cache", "nosniff"] as $name) {
        $stream[$name] = choice($query, $name, "0", ["0", "1"]) === "1";
    }
    $stream["jitter"] = number($query, "jitter", "0", 0, $stream["interval"]);
    $stream["spread"] = whole($query, "spread", 0, 0, 2 * ($stream["size"] - 1));
    $largest = $stream["size"] + $stream["spread"] / 2;
    if ($largest > 65536) {
        throw new BadRequest("size: expected, with half of spread, at most 65536");
    }
    if ($transport !== "polling") {
        if ($stream["delay"] + ($stream["count"] - 1) * $stream["interval"] + $stream["jitter"] > MAX_DURATION_S) {
            throw new BadRequest("interval: expected a stream of at most " . MAX_DURATION_S . " seconds");
        }
        if ($stream["pad"] + $stream["count"] * $largest > MAX_BYTES) {
            throw new BadRequest("size: expected a stream of at most " . MAX_BYTES . " bytes");
        }
    }
    return $stream;
}

function json(array $value): string
{
    return json_encode($value, JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_INVALID_UTF8_SUBSTITUTE);
}

/** What arrived here of this request: how the web server called PHP, and what proxies added. */
function request_at_app(): array
{
    $value = function (string $name): string {
        return substr((string) ($_SERVER[$name] ?? ""), 0, 200);
    };
    $names = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix"];
    array_push($names, "X-Forwarded-Proto", "X-Forwarded-Server", "X-Host", "X-Real-IP");
    $came = array_filter($names, function (string $name): bool {
        return isset($_SERVER["HTTP_" . strtoupper(strtr($name, "-", "_"))]);
    });
    $addresses = (string) ($_SERVER["HTTP_X_FORWARDED_FOR"] ?? "");
    return [
        "protocol" => $value("SERVER_PROTOCOL"),
        // mod_php and `php -S` set it too, although no gateway is there.
        "gateway" => strpos(PHP_SAPI, "cgi") === false ? "" : $value("GATEWAY_INTERFACE"),
        "server" => "PHP/" . PHP_VERSION . " " . PHP_SAPI,
        "connection" => $value("HTTP_CONNECTION"),
        "upgrade" => $value("HTTP_UPGRADE"),
        "accept_encoding" => $value("HTTP_ACCEPT_ENCODING"),
        "via" => $value("HTTP_VIA"),
        "websocket_key" => isset($_SERVER["HTTP_SEC_WEBSOCKET_KEY"]),
        "forwarded" => array_values(array_map("strtolower", $came)),
        "forwarded_hops" => $addresses === "" ? 0 : substr_count($addresses, ",") + 1,
    ];
}

function capabilities(): array
{
    $fastcgi = PHP_SAPI === "cgi-fcgi" ? (isset($_SERVER["FCGI_ROLE"]) ? " FastCGI" : " CGI") : "";
    $server = substr((string) ($_SERVER["SERVER_SOFTWARE"] ?? ""), 0, 100);
    // `php -S` serves one request after the other; with PHP_CLI_SERVER_WORKERS some still wait for others.
    $streams = PHP_SAPI === "cli-server" ? 1 : MAX_STREAMS;
    return [
        "flushcheck" => 1,
        "origin" => "PHP/" . PHP_VERSION . " " . PHP_SAPI . "$fastcgi, $server",
        "transports" => array_keys(TRANSPORTS),
        "params" => ["pad", "xab", "cache", "nosniff", "type", "delay", "flush"],
        "max" => ["streams" => $streams, "duration_s" => MAX_DURATION_S, "bytes" => MAX_BYTES],
        "until" => UNTIL,
        "flush" => FLUSHES,
        "php" => [
            "output_buffering" => (string) ini_get("output_buffering"),
            "zlib.output_compression" => (string) ini_get("zlib.output_compression"),
            "output_handler" => (string) ini_get("output_handler"),
            "implicit_flush" => (string) ini_get("implicit_flush"),
            "buffers" => ob_list_handlers(),
        ],
    ];
}

/** One piece's text: random letters and digits, which no compressor makes small. */
function text(array $stream): string
{
    $low = (int) ceil($stream["size"] - $stream["spread"] / 2);
    $bytes = random_int($low, (int) floor($stream["size"] + $stream["spread"] / 2));
    return substr(strtr(base64_encode(random_bytes($bytes)), "+/", "xy"), 0, $bytes);
}

/** Write, and flush in the way that was asked for. */
function send(string $data, string $flush): void
{
    echo $data;
    if ($flush === "both" && ob_get_level() > 0) {
        ob_flush();
    }
    if ($flush !== "never") {
        flush();
    }
}

function wait_until(float $moment_s): void
{
    $left_s = $moment_s - hrtime(true) / 1e9;
    if ($left_s > 0) {
        usleep((int) ceil($left_s * 1e6));
    }
}

function stream(array $stream, bool $events): void
{
    $began_s = hrtime(true) / 1e9;
    // Only time that PHP itself computes counts against its limit on most systems, but not on all.
    function_exists("set_time_limit") && @set_time_limit(MAX_DURATION_S + 30);
    while ($stream["flush"] === "endclean" && ob_get_level() > 0) {
        if (!@ob_end_clean()) {
            break; // a buffer that no script may close
        }
    }
    if ($stream["pad"] > 0) {
        send(($events ? ":" : "") . str_repeat(" ", $stream["pad"]) . "\n\n", $stream["flush"]);
    }
    for ($seq = 0; $seq < $stream["count"]; $seq++) {
        $late_s = $stream["jitter"] * mt_rand() / mt_getrandmax();
        $text = text($stream);
        wait_until($began_s + $stream["delay"] + $seq * $stream["interval"] + $late_s);
        $record = json(["seq" => $seq, "at_s" => round(hrtime(true) / 1e9 - $began_s, 6), "delta" => $text]);
        send($events ? "id: $seq\nevent: delta\ndata: $record\n\n" : "$record\n", $stream["flush"]);
    }
    $at_s = round(hrtime(true) / 1e9 - $began_s, 6);
    $record = ["end" => "done", "count" => $stream["count"], "at_s" => $at_s, "request_at_app" => request_at_app()];
    send($events ? "event: done\ndata: " . json($record) . "\n\n" : json($record) . "\n", $stream["flush"]);
}

function poll(array $stream): void
{
    if (!preg_match('/^\d{1,12}$/D', $stream["cnt"]) || (int) $stream["cnt"] >= $stream["count"]) {
        http_response_code(400);
        $error = "cnt: expected 0 to " . ($stream["count"] - 1);
        echo json(["error" => $error, "count" => $stream["count"], "request_at_app" => request_at_app()]), "\n";
        return;
    }
    echo str_repeat(" ", $stream["pad"]);
    echo json(["message" => text($stream), "cnt" => (int) $stream["cnt"], "count" => $stream["count"]]), "\n";
}

/** The response to an address that does not exist, as Apache and nginx write it. */
function not_found(): void
{
    http_response_code(404);
    header_remove("X-Powered-By");
    $server = (string) ($_SERVER["SERVER_SOFTWARE"] ?? "");
    if (stripos($server, "nginx") === 0) {
        header("Content-Type: text/html");
        $lines = ["<html>", "<head><title>404 Not Found</title></head>", "<body>"];
        array_push($lines, "<center><h1>404 Not Found</h1></center>", "<hr><center>$server</center>");
        array_push($lines, "</body>", "</html>", "");
        echo implode("\r\n", $lines);
        return;
    }
    header("Content-Type: text/html; charset=iso-8859-1");
    $signature = (string) ($_SERVER["SERVER_SIGNATURE"] ?? "");
    echo '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">',
        "\n<html><head>\n<title>404 Not Found</title>\n</head><body>\n",
        "<h1>Not Found</h1>\n<p>The requested URL was not found on this server.</p>\n",
        $signature === "" ? "" : "<hr>\n$signature", "</body></html>\n";
}

function allowed(array $query): bool
{
    $token = (string) ($_SERVER["HTTP_X_FLUSHCHECK_TOKEN"] ?? $query["k"][0] ?? "");
    $set = preg_match('/^[A-Za-z0-9_-]{16,}$/D', TOKEN) === 1 && preg_match('/^\d{4}-\d\d-\d\d$/D', UNTIL) === 1;
    return hash_equals(TOKEN, $token) && $set && gmdate("Y-m-d") <= UNTIL;
}

function respond(): void
{
    $query = query();
    if (($_SERVER["REQUEST_METHOD"] ?? "") !== "GET" || !isset($query["fc"]) || !allowed($query)) {
        not_found();
        return;
    }
    ini_set("serialize_precision", "-1");
    try {
        $transport = choice($query, "fc", "", array_merge(["1"], array_keys(TRANSPORTS)));
        if ($transport === "1") {
            header("Content-Type: application/json");
            header("Cache-Control: no-store");
            echo json(capabilities()), "\n";
            return;
        }
        $stream = parameters($query, $transport);
    } catch (BadRequest $refusal) {
        http_response_code(400);
        header("Content-Type: application/json");
        echo json(["error" => $refusal->getMessage(), "request_at_app" => request_at_app()]), "\n";
        return;
    }
    header("Content-Type: " . $stream["type"]);
    $stream["xab"] && header("X-Accel-Buffering: no");
    $stream["cache"] && header("Cache-Control: no-cache, no-transform");
    $stream["nosniff"] && header("X-Content-Type-Options: nosniff");
    $transport === "polling" ? poll($stream) : stream($stream, $transport === "events");
}

respond();
