# flushcheck on gunicorn + gevent: docker build -t flushcheck . && docker run --rm -p 8000:8000 flushcheck
# The Python is pinned by tag, every dependency by version and hash (requirements.lock, written by `make lock`).

FROM python:3.11-slim-bookworm AS build

# In a virtual environment without pip, so that the image to ship takes one folder that holds nothing that installs.
RUN python -m venv --without-pip /opt/flushcheck
WORKDIR /src

# The dependencies first: a change to the code does not fetch them again.
COPY requirements.lock ./
RUN pip --python /opt/flushcheck/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement requirements.lock

# Then the package, for its command `flushcheck`; --no-deps, because nothing may come in beside the lock.
# (What builds it, setuptools, is no part of the image.)
COPY pyproject.toml README.md LICENSE ./
COPY flushcheck ./flushcheck
RUN pip --python /opt/flushcheck/bin/python install --no-cache-dir --disable-pip-version-check --no-deps .


FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="flushcheck" \
      org.opencontainers.image.description="Says whether a path lets a stream through, what holds it, and which line frees it." \
      org.opencontainers.image.licenses="MIT"

# The command and gunicorn by their names; output at once, because a log that waits in a buffer is lost with the
# container; no .pyc files at run time, because the root may be read-only (they are made while building).
ENV PATH="/opt/flushcheck/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORT=8000

COPY --from=build /opt/flushcheck /opt/flushcheck
WORKDIR /app
COPY app.py wsgi.py ./
COPY deploy/gunicorn.conf.py ./deploy/

# A number and not a name: an orchestrator can see that it is not root. It owns nothing and needs no home.
USER 10001:10001

EXPOSE 8000

# Python is there already, curl is not. http.client heeds no proxy settings, so it asks this container and nobody else.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

# Without a shell in between, gunicorn itself is process 1 and gets the SIGTERM of `docker stop`.
CMD ["gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app"]
