"""Flask: a plain stream, Flask-Compress, a middleware that joins, a wrong header: `gunicorn --threads 8 flask_streams:app`."""

import json
import os
import subprocess
import sys
import time

from flask import Flask, Response, request
from flask_compress import Compress

COUNT, PAUSE_S = 20, 0.1

app = Flask(__name__)
app.config["COMPRESS_MIMETYPES"] = ["text/plain"]
app.config["COMPRESS_STREAMS"] = True
Compress(app)


@app.after_request
def log_the_body(response):
    if request.path == "/joined":
        response.get_data()
    return response


def lines(framing):
    for number in range(COUNT):
        time.sleep(PAUSE_S)
        yield framing.format(number)


@app.get("/plain")
@app.get("/joined")
def events():
    return Response(lines('data: {{"delta": "word{} "}}\n\n'), content_type="text/event-stream")


@app.get("/pages")
def pages():
    def long_records():
        for number in range(300):
            time.sleep(0.01)
            yield json.dumps({"delta": f"word{number} " + "." * (number * 37 % 191 + 650)}) + "\n"

    return Response(long_records(), content_type="application/x-ndjson")


@app.get("/pipe")
def pipe():
    """What a child process prints: its standard output, a pipe, is written when a buffer is full."""
    child = (
        "import json, time\n"
        "for number in range(200):\n"
        "    time.sleep(0.02)\n"
        "    print(json.dumps({'delta': f'word{number} ' + '.' * (number * 37 % 91 + 150)}))\n"
    )

    def output():
        with subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while data := os.read(process.stdout.fileno(), 65_536):
                yield data

    return Response(output(), content_type="application/x-ndjson")


@app.get("/compressed")
def compressed():
    return Response(lines("word{}\n"), content_type="text/plain")


@app.get("/off")
def off():
    return Response(
        lines("data: word{}\n\n"), content_type="text/event-stream", headers={"X-Accel-Buffering": "off"}
    )


@app.get("/late")
def late():
    def slow():
        time.sleep(1.0)
        yield from lines("data: word{}\n\n")

    return Response(slow(), content_type="text/event-stream")


@app.get("/slow")
def slow():
    time.sleep(2)
    return Response(
        "".join(f"data: word{number}\n\n" for number in range(COUNT)), content_type="text/event-stream"
    )
