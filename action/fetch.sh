#!/usr/bin/env bash
# Gives the path of the tokenwheel to run, as the step's output `bin`: the one that was named, or the release's, which is
# run only when it has the checksum that this very commit of the action holds. It is never looked for in PATH.
set -euo pipefail

root=$(dirname "${BASH_SOURCE[0]}")
releases=https://github.com/tokenwheel/tokenwheel/releases/download

# Says in one line why nothing was run; what somebody handed over issues no command to the runner.
stop() {
    local text=${1//'%'/%25}
    text=${text//$'\r'/%0D}
    printf '::error title=tokenwheel::nothing was attempted: %s\n' "${text//$'\n'/%0A}"
    printf 'exit-code=2\nsummary=nothing was attempted\n' >>"$GITHUB_OUTPUT"
    exit 2
}

bin=${BIN:-${TOKENWHEEL_BIN:-}}
if [[ -n $bin ]]; then
    [[ $bin != *$'\n'* ]] || stop 'bin: a path of one line'
    [[ $bin == */* ]] || stop "bin: \"$bin\" is a name and not a path; write ./$bin or where it is, for PATH is not searched"
    [[ -f $bin && -x $bin ]] || stop "bin: $bin is no program"
    bin=$(realpath -- "$bin")
    printf 'bin=%s\n' "$bin" >>"$GITHUB_OUTPUT"
    echo "tokenwheel: $bin, as it was named; its checksum is not known here"
    exit 0
fi

case ${RUNNER_OS:-$(uname -s)}/${RUNNER_ARCH:-$(uname -m)} in
Linux/X64 | Linux/x86_64) target=x86_64-unknown-linux-musl ;;
Linux/ARM64 | Linux/aarch64) target=aarch64-unknown-linux-musl ;;
*) stop "there is no tokenwheel for ${RUNNER_OS:-this system} on ${RUNNER_ARCH:-this processor}; run the job on Linux, x64 or arm64" ;;
esac

version='' file='' checksum=''
while read -r a_version a_file a_checksum rest; do
    [[ $a_version != '#'* && -n $a_version ]] || continue
    [[ $a_version =~ ^[0-9A-Za-z.+-]+$ && $a_checksum =~ ^[0-9a-f]{64}$ && -z $rest ]] ||
        stop "action/checksums.txt: not a line of version, file and SHA-256: $a_version $a_file $a_checksum $rest"
    [[ $a_file == "tokenwheel-$target" ]] || continue
    [[ -z $version ]] || stop "action/checksums.txt holds $a_file twice"
    version=$a_version file=$a_file checksum=$a_checksum
done <"$root/checksums.txt"
[[ -n $version ]] || stop "this commit of the action holds no checksum for $target, so that it belongs to no release: use \
the commit of one (github.com/tokenwheel/tokenwheel/releases), or name a binary of your own with \"bin:\""

for tool in curl sha256sum; do
    command -v "$tool" >/dev/null || stop "this runner has no $tool; bring it, or name a binary of your own with \"bin:\""
done
mirror=${MIRROR:-${TOKENWHEEL_MIRROR:-$releases}}
[[ $mirror == https://* ]] || stop "mirror: $mirror is not an https:// address"
place=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/tokenwheel.XXXXXXXX")
url=${mirror%/}/v$version/$file

# The job's credentials are in this environment: curl is given none of them, only its way to the network.
way=()
for name in PATH HTTPS_PROXY https_proxy ALL_PROXY all_proxy NO_PROXY no_proxy SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE; do
    [[ -z ${!name:-} ]] || way+=("$name=${!name}")
done
echo "tokenwheel: $url"
env -i "${way[@]}" curl --disable --proto '=https' --proto-redir '=https' --tlsv1.2 --fail --location --max-redirs 5 \
    --silent --show-error --connect-timeout 10 --max-time 120 --retry 3 --max-filesize 67108864 \
    --output "$place/$file" -- "$url" ||
    stop "tokenwheel $version could not be fetched from $url; a runner without a way there needs \"mirror:\" or \"bin:\""

got=$(sha256sum <"$place/$file")
if [[ ${got%% *} != "$checksum" ]]; then
    rm -f -- "$place/$file"
    stop "what came from $url is not tokenwheel $version: its SHA-256 is ${got%% *}, and action/checksums.txt says $checksum"
fi
mv -- "$place/$file" "$place/tokenwheel"
chmod 0500 "$place/tokenwheel"
printf 'bin=%s\n' "$place/tokenwheel" >>"$GITHUB_OUTPUT"
echo "tokenwheel: $version, SHA-256 $checksum as action/checksums.txt says"
