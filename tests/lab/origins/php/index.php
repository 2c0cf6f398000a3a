<?php
// The streams of flushcheck, as a PHP app would write them: enough of the service for every probe but WebSocket.
//
// How it flushes is what the cases differ in: LAB_FLUSH in the environment of the pool is "never", "flush" or "both".
// Records and addresses are those of the README; the texts are not.

declare(strict_types=1);

const WORDS = ["water ", "the ", "stream ", "runs ", "down ", "over ", "pipe ", "and ", "mill ", "so ", "slowly ", "flows "];

function asked(string $name, string $otherwise): string
{
    return isset($_GET[$name]) && is_string($_GET[$name]) ? $_GET[$name] : $otherwise;
}

// Words drawn from the piece's number, cut to the size asked for, so that no compressor makes them vanish.
function text(int $seq, int $size): string
{
    mt_srand($seq);
    $text = "";
    while (strlen($text) < max($size, 1)) {
        $text .= WORDS[mt_rand(0, count(WORDS) - 1)];
        if ($size === 0) {
            return $text;
        }
    }
    return substr($text, 0, $size);
}

function origin(): array
{
    $forwarded = [];
    foreach (["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded"] as $name) {
        if (isset($_SERVER["HTTP_" . strtoupper(strtr($name, "-", "_"))])) {
            $forwarded[] = strtolower($name);
        }
    }
    $said = fn(string $name): string => substr((string)($_SERVER[$name] ?? ""), 0, 200);
    return [
        "protocol" => $said("SERVER_PROTOCOL"),
        "gateway" => $said("GATEWAY_INTERFACE"),
        "server" => "PHP/" . PHP_VERSION . " " . PHP_SAPI,
        "connection" => $said("HTTP_CONNECTION"),
        "upgrade" => $said("HTTP_UPGRADE"),
        "websocket_key" => isset($_SERVER["HTTP_SEC_WEBSOCKET_KEY"]),
        "accept_encoding" => $said("HTTP_ACCEPT_ENCODING"),
        "via" => $said("HTTP_VIA"),
        "forwarded" => $forwarded,
        "forwarded_hops" => isset($_SERVER["HTTP_X_FORWARDED_FOR"])
            ? count(explode(",", $_SERVER["HTTP_X_FORWARDED_FOR"])) : 0,
        "concurrent" => 1,
    ];
}

function record(array $value): string
{
    return json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION);
}

function send(string $text): void
{
    echo $text;
    $how = getenv("LAB_FLUSH") ?: "both";
    if ($how === "both" && ob_get_level() > 0) {
        ob_flush();
    }
    if ($how !== "never") {
        flush();
    }
}

function hints(): void
{
    header("Access-Control-Allow-Origin: *");
    if (asked("xab", "1") === "1") {
        header("X-Accel-Buffering: no");
    }
    if (asked("cache", "1") === "1") {
        header("Cache-Control: no-cache, no-transform");
    }
    if (asked("nosniff", "1") === "1") {
        header("X-Content-Type-Options: nosniff");
    }
}

function stream(bool $events): void
{
    $count = (int)asked("count", "20");
    $interval = (float)asked("interval", "0.1");
    $jitter = (float)asked("jitter", "0");
    $size = (int)asked("size", "0");
    $spread = (int)asked("spread", "0");
    $pad = (int)asked("pad", "0");
    $end = asked("end", $events ? "END" : "none");
    hints();
    $type = asked("type", $events ? "text/event-stream" : "text/plain");
    header("Content-Type: $type; charset=utf-8");
    $begun = hrtime(true);
    if ($pad > 0) {
        send(($events ? ":" : "") . str_repeat(" ", $pad) . "\n\n");
    }
    for ($seq = (int)asked("start", "0"); $seq < $count; $seq++) {
        mt_srand($seq + 1000);
        $bytes = $spread > 0 ? max(1, $size + (int)($spread * (mt_rand() / mt_getrandmax() - 0.5))) : $size;
        $due = $seq * $interval + ($jitter > 0 ? mt_rand() / mt_getrandmax() * $jitter : 0);
        $wait = $due - (hrtime(true) - $begun) / 1e9;
        if ($wait > 0) {
            usleep((int)($wait * 1e6));
        }
        $line = record(["seq" => $seq, "at_s" => round((hrtime(true) - $begun) / 1e9, 6), "delta" => text($seq, $bytes)]);
        send($events ? "id: $seq\nevent: delta\ndata: $line\n\n" : "$line\n");
    }
    if ($end !== "none") {
        $at = round((hrtime(true) - $begun) / 1e9, 6);
        $line = record(["end" => $end, "count" => $count, "at_s" => $at, "request_at_app" => origin()]);
        send($events ? "event: $end\ndata: $line\n\n" : "$line\n");
    }
}

function poll(): void
{
    $count = (int)asked("count", "20");
    $cnt = (int)asked("cnt", "-1");
    hints();
    header("Content-Type: application/json");
    if ($cnt < 0 || $cnt >= $count) {
        http_response_code(400);
        $last = $count - 1;
        echo record([
            "error" => "cnt=$cnt: expected 0 to $last, for example cnt=0", "count" => $count, "request_at_app" => origin(),
        ]), "\n";
        return;
    }
    echo record(["message" => text($cnt, (int)asked("size", "0")), "cnt" => $cnt, "count" => $count]), "\n";
}

ini_set("serialize_precision", "-1");
switch (parse_url($_SERVER["REQUEST_URI"], PHP_URL_PATH)) {
    case "/healthz":
        header("Content-Type: text/plain");
        echo "ok\n";
        break;
    case "/stream/chunked":
        stream(false);
        break;
    case "/stream/events":
        stream(true);
        break;
    case "/stream/polling":
        poll();
        break;
    case "/stream/ws":
        http_response_code(501);
        header("Content-Type: application/json");
        echo record(["error" => "PHP-FPM is reached by a gateway, which cannot carry WebSocket", "request_at_app" => origin()]), "\n";
        break;
    default:
        http_response_code(404);
        echo "not found\n";
}
