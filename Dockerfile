# Two stages: what builds stays behind. The lock file decides every version.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/crossfade
COPY requirements/runtime.txt requirements/runtime.txt
RUN /opt/crossfade/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
RUN /opt/crossfade/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
LABEL org.opencontainers.image.title="crossfade" \
      org.opencontainers.image.description="Moves the users of a session-cookie application to JWTs without changing a line of it" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/crossfade /opt/crossfade
# A number, so that Kubernetes can see that it is not root. /var/lib/crossfade is for a volume that lasts: file names in the
# configuration are meant from its own folder, so that `run/crossfade.db` lies there when the configuration does.
RUN mkdir -p /var/lib/crossfade/run && chown -R 65532:65532 /var/lib/crossfade
USER 65532:65532
WORKDIR /var/lib/crossfade
ENV PATH=/opt/crossfade/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 8080 9901
HEALTHCHECK --interval=10s --timeout=3s CMD ["crossfade", "health", "ready", "--config", "/var/lib/crossfade/gateway.yaml"]
ENTRYPOINT ["crossfade"]
CMD ["run", "--config", "/var/lib/crossfade/gateway.yaml"]
