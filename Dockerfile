# flushcheck on gunicorn + gevent: docker build -t flushcheck . && docker run --rm -p 8000:8000 flushcheck
#
# Everything that is fetched is pinned: each package by version and hash (requirements.lock for run time,
# deploy/docker/build.lock for the build; `make lock` writes both), Python by its tag. A tag moves with security updates;
# for identical bytes in every build give the digest that `docker pull` prints:
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:... .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build

# A virtual environment without pip: the final image copies this one folder, and nothing in it can install packages.
RUN python -m venv --without-pip /opt/flushcheck
WORKDIR /src

# The dependencies first: a change to the code does not fetch them again.
COPY requirements.lock deploy/docker/build.lock ./
RUN pip --python /opt/flushcheck/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement requirements.lock \
    && pip install --target /opt/builder --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement build.lock

# Then the package with its command `flushcheck`: built and installed without access to a package index.
COPY pyproject.toml README.md LICENSE ./
COPY flushcheck ./flushcheck
RUN PYTHONPATH=/opt/builder pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheel . \
    && pip --python /opt/flushcheck/bin/python install --no-cache-dir --no-index --no-deps /wheel/*.whl

# Remove what no process loads: the libraries' own tests, and the slower of zstandard's two backends (12 MB).
# The package metadata (*.dist-info) stays: scanners read it to list the packages (SBOM).
RUN cd /opt/flushcheck/lib/python3*/site-packages \
    && rm -rf zstandard/_cffi.*.so gevent/testing ./*/tests ./*/*/tests ./*/*/*/tests


FROM ${PYTHON_IMAGE}

# PATH finds the command and gunicorn. Output is unbuffered: a buffered log is lost with the container. No .pyc files are
# written at run time, because the root may be read-only (the build writes them).
ENV PATH="/opt/flushcheck/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORT=8000

COPY --from=build /opt/flushcheck /opt/flushcheck
WORKDIR /app
COPY app.py wsgi.py ./
COPY deploy/gunicorn.conf.py ./deploy/

# A number, not a name: an orchestrator can see that it is not root. The user owns no file and needs no home.
USER 10001:10001

EXPOSE 8000

# The image has Python but no curl. http.client ignores proxy settings, so the request stays inside this container.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 8000), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

# Without a shell, gunicorn is process 1 and receives the SIGTERM of `docker stop`. WEB_CONCURRENCY sets the number of
# workers, PORT the port; deploy/gunicorn.conf.py reads both.
CMD ["gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app"]

# Last, because they change with every build and would invalidate later layers. Names: OCI image-spec,
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
