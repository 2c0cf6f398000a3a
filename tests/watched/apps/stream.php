<?php
// PHP: what it does after each record is ?flush=never, flush or both; ?size= and ?count= make it longer.
header("Content-Type: text/event-stream");
$size = min((int)($_GET["size"] ?? 30), 2000);
for ($number = 0; $number < min((int)($_GET["count"] ?? 40), 400); $number++) {
    usleep(2000000 / max(40, (int)($_GET["count"] ?? 40)));
    echo "data: " . json_encode(["delta" => "word$number " . str_repeat(".", ($number * 37) % 91 + $size)]) . "\n\n";
    if (($_GET["flush"] ?? "never") === "both") {
        ob_flush();
    }
    if (($_GET["flush"] ?? "never") !== "never") {
        flush();
    }
}
