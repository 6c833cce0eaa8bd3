# One static binary that is every exporter, alone in an image: no shell, no package manager, no user database.
#
#   docker build -t farol:local .
#
# Builds on amd64 and arm64 alike, each for itself (docker buildx build --platform …); nothing is cross-compiled. Only
# what the BuildKit of an engine has built in is used, so that no frontend image is fetched.

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /farol
# Static against glibc, not musl: aws-lc builds with the compiler that is there, and musl's allocator is slower and
# grows where probes allocate from several tasks. What static glibc cannot do is load name services at run time, and
# none is needed: targets are resolved by farol's own resolver.
ENV RUSTFLAGS="-C target-feature=+crt-static"
# The commit, for farol_build_info: --build-arg FAROL_REVISION=$(git rev-parse --short HEAD)
ARG FAROL_REVISION
COPY . .
# The target is named, though it is the host's own: else the flags would reach build scripts and macros, which cannot be
# static. The links are made of what the binary itself says it is, so that a new exporter has its name at once.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/farol/target,sharing=locked \
    host=$(rustc -vV | sed -n 's/^host: //p') && \
    cargo build --locked --release --target "$host" && \
    install -D -m 0755 "target/$host/release/farol" /image/usr/bin/farol && \
    for name in $(/image/usr/bin/farol --help | awk '$1 ~ /-exporter$/ && $2 == "port" { print $1 }'); do \
      ln -s farol "/image/usr/bin/$name"; \
    done && \
    install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt && \
    install -d /image/etc/farol && \
    install -d -m 0700 /state/var/lib/farol

FROM scratch
LABEL org.opencontainers.image.title="farol" \
      org.opencontainers.image.description="Prometheus exporters for a small, real infrastructure: services, certificates, links, Proxmox VE, registries" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image /
# A volume that is new takes over the owner of the folder that it is mounted at.
COPY --from=build --chown=65532:65532 /state /
ENV PATH=/usr/bin
USER 65532:65532
EXPOSE 9700 9115 9219 9221
# Asks farol's own page; a container that runs one exporter names that exporter's: farol health http://127.0.0.1:9115/-/healthy
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["farol", "health"]
ENTRYPOINT ["farol"]
