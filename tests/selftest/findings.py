"""One finding of each judgement, for tests of their output."""

from __future__ import annotations

from dataclasses import replace

from eventhook_conformance.selftest.examine import Examination

FOUND = Examination(
    mutant="retains-the-last",
    bug="It is retained.",
    expected=(),
    charged=("PUB-05", "PUB-03"),
    judgement="killed",
    message="expected nothing",
    message_found=True,
    duration_s=1.26,
)
SURVIVOR = replace(FOUND, mutant="subtle", bug="It is subtle.", charged=(), judgement="survived")
VARIANT = replace(FOUND, mutant="batches", bug="It is correct.", charged=(), judgement="passed")
ACCUSED = replace(VARIANT, mutant="wire", judgement="accused", charged=("PUB-01",))
