"""Rack::Deflater with `sync: false`: Rails, Sinatra and other apps on Rack."""

from __future__ import annotations

from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="rack-deflater",
    title="Rack::Deflater holds the stream where it is told not to flush (sync: false)",
    why=(
        "The middleware compresses the response, and by default flushes after each chunk. With `sync: false` "
        "it keeps the text until the compressor has a block or the stream ends."
    ),
    symptoms="The header of gzip arrives at once, then nothing until the end. By default the stream flows.",
    detection="No tap of flushcheck runs in Ruby. A watched stream shows it as compressor.",
    fixes=(
        Fix(
            where="config.ru, the line with Rack::Deflater",
            change="use Rack::Deflater",
            by=Owner.APP,
            note="without `sync: false`; measured on Rack 2.2.22: 20 pieces, 20 chunks",
        ),
        Fix(
            where="the app, on each streamed response",
            change="Cache-Control: no-transform",
            by=Owner.APP,
            cost="these responses are not compressed",
            note="measured on Rack 2.2.22; Content-Encoding: identity changes nothing there",
            response_header=True,
        ),
        Fix(
            where="config.ru, without events",
            change='use Rack::Deflater, if: ->(_, _, headers, _) { headers["Content-Type"] !~ /event/ }',
            by=Owner.APP,
            cost="these responses are not compressed",
        ),
    ),
    references=("https://www.rubydoc.info/gems/rack/Rack/Deflater",),
    looks_like=("compressor",),
    shown_by=frozenset({Source.APP}),
    shows=(Symptom(Flow.HELD, compressed=True),),
)
