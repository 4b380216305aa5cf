#!/usr/bin/env bash
# Runs tokenwheel with what `action.yml` hands over, forwards the signals of a cancelled job, and gives the step its outputs
# and its end. No input becomes a word of this script: all of them are in the environment.
set -euo pipefail

# One line for the runner; what somebody handed over issues no command to it.
say() {
    local kind=$1 text=${2//'%'/%25}
    text=${text//$'\r'/%0D}
    printf '::%s title=tokenwheel::%s\n' "$kind" "${text//$'\n'/%0A}"
}

stop() {
    say error "nothing was attempted: $1"
    printf 'exit-code=2\nsummary=nothing was attempted\n' >>"$GITHUB_OUTPUT"
    exit 2
}

# An input that is a switch: `true`, or `false`, or nothing. To tokenwheel, empty is as good as not there.
switch() {
    case ${!1:-} in
    true) return 0 ;;
    '' | false)
        export "$1="
        return 1
        ;;
    *) stop "$2: \"${!1}\" is neither true nor false" ;;
    esac
}

[[ -n ${BIN:-} ]] || stop 'there is no binary to run'
switch TOKENWHEEL_ALL all || :
switch TOKENWHEEL_FORCE force || :
switch TOKENWHEEL_REVOKE_NOW revoke-now || :
offline=false
! switch OFFLINE offline || offline=true
verbose=()
! switch VERBOSE verbose || verbose=(--verbose)
[[ ${FAIL_ON:=any} == any || $FAIL_ON == risk ]] || stop "fail-on: \"$FAIL_ON\" is neither any nor risk"

# Names by commas or lines; a name holds neither.
only=${TOKENWHEEL_ONLY:-} names=()
while IFS= read -r name; do
    name=${name#"${name%%[![:space:]]*}"}
    name=${name%"${name##*[![:space:]]}"}
    [[ -z $name ]] || names+=("$name")
done <<<"${only//,/$'\n'}"
TOKENWHEEL_ONLY=$(IFS=, && echo "${names[*]}")
export TOKENWHEEL_ONLY

command=${COMMAND:-}
arguments=("$command")
case $command in
plan | rotate) ;;
check)
    [[ $offline == false ]] || arguments+=(--offline)
    [[ -z ${AGAINST:-} ]] || arguments+=("--against=$AGAINST")
    ;;
status) for name in "${names[@]}"; do arguments+=("--only=$name"); done ;;
revoke)
    [[ ${#names[@]} -gt 0 ]] || stop 'only: revoke needs the names of tokens'
    arguments+=(-- "${names[@]}")
    ;;
*) stop "command: \"$command\" is none of plan, rotate, check, status and revoke" ;;
esac

# Whoever opens a pull request, or writes below one, has written the config or started the job: none of them is to meet
# the credentials. What holds against a workflow that was changed too is the environment's rule about branches.
case ${GITHUB_EVENT_NAME:-} in
pull_request | pull_request_target | pull_request_review | pull_request_review_comment | issues | issue_comment | \
    discussion | discussion_comment | fork | watch | workflow_run)
    [[ $command == check && $offline == true ]] ||
        stop "$command is not for the event $GITHUB_EVENT_NAME, which others start: use \"command: check\" with \"offline: true\""
    ;;
esac

if [[ -z ${TOKENWHEEL_REPORT_DIR:-} ]]; then
    TOKENWHEEL_REPORT_DIR=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/tokenwheel-report.XXXXXXXX")
fi
[[ $TOKENWHEEL_REPORT_DIR != *$'\n'* ]] || stop 'report-dir: a path of one line'
export TOKENWHEEL_REPORT_DIR
if [[ ${TOKENWHEEL_CONFIG:-} == *$'\n'* ]]; then
    # What it names goes by its own place (a ledger, what is sealed), so that it is where one that was checked out would be.
    printf '%s\n' "$TOKENWHEEL_CONFIG" >tokenwheel.inline.yml
    TOKENWHEEL_CONFIG=tokenwheel.inline.yml
fi
export TOKENWHEEL_CONFIG

# The runner signals the one process that it started: tokenwheel is told, and comes to the end of what is in hand.
child='' stopped=false
trap 'stopped=true; [[ -z $child ]] || kill -TERM "$child" 2>/dev/null || :' INT TERM
"$BIN" ${verbose[@]+"${verbose[@]}"} "${arguments[@]}" </dev/null &
child=$!
# A signal that came before there was somebody to tell.
[[ $stopped == false ]] || kill -TERM "$child" 2>/dev/null || :
wait "$child" || :
while kill -0 "$child" 2>/dev/null; do wait "$child" || :; done
# A signal ends a wait early, with a code of its own; the one that the program ended with is remembered.
code=0
wait "$child" || code=$?

printf 'exit-code=%s\nreport-dir=%s\n' "$code" "$TOKENWHEEL_REPORT_DIR" >>"$GITHUB_OUTPUT"
if [[ $code -eq 3 && $FAIL_ON == risk ]]; then
    say warning 'something was not done, and nothing is at risk before the next run; "fail-on: risk" lets it pass'
    exit 0
fi
exit "$code"
