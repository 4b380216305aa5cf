# The images of tokenwheel: an empty one, and one with a shell for the jobs of GitLab. docs/container.md is for those who
# run them.
#
#   docker build .                  compiles, and makes the empty image
#   docker build --target gitlab .  the same, with a shell
#   docker build --target given .   the empty image out of files that lie ready in target/image/$TARGETARCH
#
# Each platform is built on its own kind of machine: `uname -m` decides, not a cross compiler.

# As in rust-toolchain.toml and Cargo.toml; suites/image compares them.
ARG RUST_VERSION=1.95.0
ARG VERSION=0.1.0

# What both images are, before there is a file in them.
FROM scratch AS image
ARG VERSION
ARG REVISION=
LABEL org.opencontainers.image.title="tokenwheel" \
    org.opencontainers.image.description="Rotates API tokens: mints, delivers, proves and retires them" \
    org.opencontainers.image.url="https://github.com/tokenwheel/tokenwheel" \
    org.opencontainers.image.source="https://github.com/tokenwheel/tokenwheel" \
    org.opencontainers.image.documentation="https://github.com/tokenwheel/tokenwheel/blob/main/docs/container.md" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
ENV PATH=/usr/local/bin:/bin
# A folder to mount a repository at; a user by number, for there is no list of users.
WORKDIR /repo
USER 65532:65532

FROM image AS given
ARG TARGETARCH
COPY target/image/$TARGETARCH/empty/ /
ENTRYPOINT ["/usr/local/bin/tokenwheel"]

FROM image AS given-gitlab
ARG TARGETARCH
COPY target/image/$TARGETARCH/gitlab/ /
CMD ["/bin/sh"]

FROM docker.io/library/rust:${RUST_VERSION}-bookworm AS build
ARG RUST_VERSION
# `gnu` where the standard library for musl cannot be had.
ARG LIBC=musl
# The toolchain of the image is the pinned one; the file that pins it wants linters besides.
ENV RUSTUP_TOOLCHAIN=$RUST_VERSION CARGO_TERM_COLOR=never AUDITABLE=yes
WORKDIR /src
# Debian keeps one version of each, that with its security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils busybox-static ca-certificates musl-tools \
    && rm -rf /var/lib/apt/lists/*
RUN [ "$LIBC" = gnu ] || rustup target add "$(uname -m)-unknown-linux-musl"
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    cargo install --locked --quiet --version 0.7.7 cargo-auditable
# The dependencies are a layer of their own, made without our sources: those change daily, these monthly.
COPY container/build container/no-unwinding.ld container/
COPY Cargo.toml Cargo.lock ./
COPY sandbox/Cargo.toml sandbox/
RUN mkdir src sandbox/src \
    && for folder in . sandbox; do \
        echo '//! A stand-in.' >$folder/src/lib.rs; \
        printf '%s\n' '//! A stand-in.' 'fn main() {}' >$folder/src/main.rs; \
    done
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    container/build "$(uname -m)-unknown-linux-$LIBC"
COPY src src
COPY sandbox sandbox
COPY container/tree container/
# cargo goes by the time of a file, and a checkout may be older than the stand-ins above.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    find src sandbox -type f -exec touch {} + \
    && binary=$(container/build "$(uname -m)-unknown-linux-$LIBC") \
    && container/tree "$binary" /image/empty \
    && container/tree gitlab "$binary" /image/gitlab

FROM image AS gitlab
COPY --from=build /image/gitlab/ /
CMD ["/bin/sh"]

FROM image AS tokenwheel
COPY --from=build /image/empty/ /
ENTRYPOINT ["/usr/local/bin/tokenwheel"]
