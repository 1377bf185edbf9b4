# The service and nothing else, for glibc: some packages have no wheels for musl (Alpine). The tag
# gets Python's security releases at every rebuild; to pin it, add the digest that your registry
# shows. Two builds of the same files hold the same packages and code, but not the same bytes.

FROM python:3.14-slim-trixie AS build
WORKDIR /srv
# Wheels only: nothing is compiled, and no package's code runs while it is installed. The lock is
# complete, so pip need not resolve it again (--no-deps).
RUN --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \
    python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --only-binary :all: \
        --no-deps --require-hashes -r /tmp/requirements.txt \
 && pip --python /venv/bin/python check
COPY app app
# The container cannot write bytecode when it runs, so it is made here.
RUN python -m compileall -q app
COPY openapi/openapi.json openapi/openapi-3.0.json openapi/
COPY gunicorn.conf.py deploy/healthcheck.py ./

FROM python:3.14-slim-trixie
COPY --from=build /venv /venv
COPY --from=build /srv /srv
WORKDIR /srv
# The release workflow adds version, revision, created and source.
LABEL org.opencontainers.image.title="Device BFF" \
      org.opencontainers.image.description="A user's devices and sessions in Amazon Cognito" \
      org.opencontainers.image.licenses="Apache-2.0"
# Workers keep their metrics in files: in memory, so that the root may be read-only.
# HOST: every IPv4 address. Set it to :: to listen on IPv6 too.
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/dev/shm \
    HOST=0.0.0.0
EXPOSE 8000
# A number, because Kubernetes' runAsNonRoot cannot judge a name. It owns no file.
USER 10001:10001
STOPSIGNAL SIGTERM
# Docker 20.10 and buildah 1.28 would stop at --start-interval.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "healthcheck.py"]
CMD ["gunicorn"]
