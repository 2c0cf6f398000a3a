# flushcheck on gunicorn + gevent: docker build -t flushcheck . && docker run --rm -p 8000:8000 flushcheck
#
# What comes from elsewhere is pinned: every package by version and hash (requirements.lock for what runs,
# deploy/docker/build.lock for what builds; `make lock` writes both), the Python by its tag. A tag moves with security
# updates; whoever wants the very same bytes each time gives the digest that `docker pull` prints:
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:... .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build

# In a virtual environment without pip, so that the image to ship takes one folder that holds nothing that installs.
RUN python -m venv --without-pip /opt/flushcheck
WORKDIR /src

# The dependencies first: a change to the code does not fetch them again.
COPY requirements.lock deploy/docker/build.lock ./
RUN pip --python /opt/flushcheck/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement requirements.lock \
    && pip install --target /opt/builder --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement build.lock

# Then the package, for its command `flushcheck`: built and installed without a look at any index.
COPY pyproject.toml README.md LICENSE ./
COPY flushcheck ./flushcheck
RUN PYTHONPATH=/opt/builder pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheel . \
    && pip --python /opt/flushcheck/bin/python install --no-cache-dir --no-index --no-deps /wheel/*.whl

# What no process ever loads: the libraries' own tests, and the slower one of zstandard's two backends (12 MB).
# What the packages say of themselves (*.dist-info) stays: that is what a scanner reads to list them (SBOM).
RUN cd /opt/flushcheck/lib/python3*/site-packages \
    && rm -rf zstandard/_cffi.*.so gevent/testing ./*/tests ./*/*/tests ./*/*/*/tests


FROM ${PYTHON_IMAGE}

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
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 8000), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

# Without a shell in between, gunicorn itself is process 1 and gets the SIGTERM of `docker stop`. WEB_CONCURRENCY says
# how many workers it has, PORT where it listens; both are read by deploy/gunicorn.conf.py.
CMD ["gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app"]

# Last, because they change with every build, and nothing then has to be built again. Names: OCI image-spec,
# annotations.md. --build-arg REVISION="$(git rev-parse HEAD)" CREATED="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
ARG PYTHON_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="flushcheck" \
      org.opencontainers.image.description="Tests whether streamed responses arrive piece by piece, names what holds them, and prints the fix." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="docker.io/library/${PYTHON_IMAGE}"
