#!/usr/bin/env bash
# Judges $TARGETS with $OPTIONS; the reports go to $REPORTS, the verdict to $GITHUB_OUTPUT. Ends as `run` does.
set -uo pipefail

mkdir -p "$REPORTS"
# Split as a shell would, without running anything: a target may be `'driver:node my bus.mjs'`.
mapfile -d '' -t arguments < <(
  python -c 'import os, shlex, sys; sys.stdout.write("".join(f"{one}\0" for name in ("TARGETS", "OPTIONS") for one in shlex.split(os.environ[name])))'
)
eventhook-conformance run "${arguments[@]}" \
  --json "$REPORTS/report.json" --junit "$REPORTS/junit.xml" --html "$REPORTS/report.html" \
  --badge "$REPORTS/badge.json" --markdown "$GITHUB_STEP_SUMMARY"
code=$?
case $code in
  0) verdict=conformant ;;
  1) verdict=non-conformant ;;
  *) verdict=none ;;
esac
echo "verdict=$verdict" >>"$GITHUB_OUTPUT"
exit $code
