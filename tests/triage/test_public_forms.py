"""Forms of public reports, rewritten: the facts of each, and none beside them."""

from typing import NamedTuple

import pytest

from bisect_tool.triage.analyse import analyse
from bisect_tool.triage.read_page import read_page

A, B, C = "1a2" * 13 + "a", "2b3" * 13 + "b", "3c4" * 13 + "c"
CI = "https://buildkite.com/o/ci/builds"


class Form(NamedTuple):
    """A page and its facts.

    Attributes:
        name: whose reports have this form.
        text: the page.
        good: the good end, or empty.
        bad: the bad end, or empty.
        blamed: each suspect with how sure it is.
        final: the final fix.
    """

    name: str
    text: str
    good: str = ""
    bad: str = ""
    blamed: tuple[tuple[int | str, str], ...] = ()
    final: int | None = None


FORMS = (
    Form(
        "greta: labels with quotes, and a comparison of short ids",
        f'- Earliest good commit was: {A}\n- The first "bad" commit was: {B}\n\n'
        f"https://github.com/o/p/compare/{A[:7]}..{B[:7]}\n\nresolved in #734",
        A[:7],
        B,
        final=734,
    ),
    Form(
        "ray: a list of revisions with their builds, then a guess",
        f"Night tests are red since yesterday. Runs of late:\n\n- revision 908aa2c, [success]({CI}/597)\n"
        f"- revision 8770761, [infra errors]({CI}/598)\n- revision dad8db4, [fail]({CI}/599)\n\n"
        "So it seems that the offending commit is between 908aa2c and dad8db4.\n\n"
        "shuffle_100gb failed at commit dad8db4 (#16488), but passed at its parent f4f702c.\n\n"
        "It is highly likely that #16488 breaks these tests.",
        "908aa2c",
        "dad8db4",
        ((16488, "guess"),),
    ),
    Form(
        "torchbench: control and treatment",
        f"A signal was detected.\n\nControl commit: {A}\nControl version: 2.4.0.dev20240331\n\n"
        f"Treatment commit: {B}\nTreatment version: 2.4.0.dev20240401\n",
        A,
        B,
    ),
    Form(
        "torchbench: JSON of a bisection with start and end",
        f'20240123:\n```\n{{\n  "start": "{A}",\n  "end": "{B}",\n  "result": []\n}}\n```\n',
    ),
    Form(
        "pytorch: commits behind the nightly wheels",
        "Closing, looks like a false alarm.\n\nNo, it is none. The regression happened between "
        "1.8.0.dev20210113 (b54240d) and 1.8.0.dev20210114(19a8e68).",
        "b54240d",
        "19a8e68",
    ),
    Form(
        "rust: the report of cargo-bisect-rustc",
        "searched nightlies: from nightly-2024-06-05 to nightly-2024-10-05\n"
        "regressed nightly: nightly-2024-09-28\n"
        f"searched commit range: https://github.com/o/p/compare/{A}...{B}\n"
        f"regressed commit: https://github.com/o/p/commit/{B}\n",
        A,
        B,
        ((B, "stated"),),
    ),
    Form(
        "rust: days of nightlies with their commits",
        f"```\nRegression in nightly-2020-10-06\nconverted 2020-10-05 to {A}\nconverted 2020-10-06 to {B}\n"
        "looking for regression commit between 2020-10-05 and 2020-10-06\n```",
    ),
    Form(
        "kubernetes: a revert that names what it probably broke",
        "Reverts o/p#27303\n\nThis probably broke the e2e tests.",
    ),
    Form(
        "kubernetes: a bug that a change only exposed",
        "Reverts o/p#120398\n\nIt triggered failures: #120700\n\n"
        "Most likely the bug is not in #120398, which only exposes it.",
    ),
    Form(
        "kubernetes: a revert with a comparison",
        "Reverts o/p#85797\n\ncloses #86107\n\nThat PR seems to have broken the alpha tests.\n\n"
        "https://github.com/o/p/compare/3994f52ee...616fce783",
        "3994f52ee",
        "616fce783",
    ),
    Form(
        "kubernetes: in parentheses, what it was not",
        "Bring back #28193. The cause of the bring-up failures is known by now (and it wasn't #28193).",
    ),
    Form("kuma: not the cause after all", f"Well, it turns out that {A} did not cause the bug after all."),
    Form(
        "openshift: the wrong one was reverted",
        f"This reverts commit {A}, reversing changes made to {B}.\n\n"
        "We probably reverted the wrong PR: the flakes ended 6 days before #27547 went in.",
    ),
    Form(
        "test-infra: the culprit is what another revert reverts",
        "Reverting #12622 and #12599.\n\nWe found the actual culprit of the density test (revert in #77904).",
    ),
    Form(
        "ray: reverting did not help",
        "Reverts o/p#13350\n\nReverting #13350 didn't fix the test for me, perhaps it's unrelated?\n\n"
        "Hm, #13350 might not be related then.",
    ),
    Form(
        "ray: failing since this is merged",
        f"Reverts o/p#39886\n\nThis test fails almost always since #39886 was merged: {CI}/885",
        blamed=((39886, "derived"),),
    ),
    Form(
        "llvm: a bot, a commit and its revert",
        "To track the bot failure observed after 9bd2259, which triggered the revert 7203141.",
        blamed=(("9bd2259", "derived"),),
    ),
    Form("llvm: reverted to fix bots", "#77554 is reverted to fix bots\n\nIt breaks several bots."),
    Form("llvm: re-committed", "Reverted #73651 to fix bots.\n\nFixed and re-committed in #76793"),
    Form(
        "julia: a bisection by hand",
        f"[{A[:7]}](https://github.com/o/p/pull/62049/commits/{A}) seems ok, now trying {B[:7]}. "
        f"That was ok, now trying {C[:7]}\n\nSeems like {C[:7]} is the bad one",
    ),
    Form(
        "julia: what git bisect prints, with the message of the commit",
        f"Here is the result:\n```\n{A} is the first bad commit\ncommit {A}\nAuthor: Ada <a@b.c>\n"
        "Date:   Thu Jul 29 12:05:08 2021 -0400\n\n    Add half-duplex streams (#40783)\n\n"
        f"    Fixes one of the issues of #24526\n```\n\nThe first bad commit is https://github.com/o/p/commit/{A}",
        bad=A,
        blamed=((A, "stated"),),
    ),
    Form(
        "rocksdb-ffm: the rounds of a bisection",
        "Last round. lo=6 (e759c64, confirmed good), hi=8 (90529e9, confirmed bad). Testing 523e1ce.\n\n"
        "Commit 523e1ce passes. Bisection is complete: 90529e9 is the exact first-bad commit.",
        "523e1ce",
        "90529e9",
        (("90529e9", "stated"),),
    ),
    Form(
        "tt-forge: a problem that seems to be introduced in a commit",
        f"This reverts commit {A}.\n\nThere seems to be a problem that was introduced in {B}.",
        blamed=((B, "guess"),),
    ),
    Form(
        "tpu-inference: the build of the failure and the build of the revert",
        f"Reverts o/p#2291\n\nThe upgrade causes a [regression]({CI}/17856#L5), "
        f"the revert will [fix]({CI}/17868#L3) it.",
    ),
    Form(
        "jax: broke things, and an edit",
        f"This reverts commit {A}.\n\nBroke things: #9951\n\n"
        "EDIT: actually with the fix in #9959 we may not need the revert",
    ),
    Form(
        "sqldelight: somewhere between a commit and now",
        f"This reverts the branch to {A}. Somewhere between there and HEAD is the build issue.",
    ),
    Form("cockpit: a bot reports a failed commit", f"Tests failed on {A}", bad=A),
    Form(
        "libgit2: a bisection with its ends the other way round",
        f"```\n$ git bisect start v0.24.0 {A}\nSome good revs are not ancestor of the bad rev.\n```",
        A,
        "v0.24.0",
    ),
    Form(
        "scipy: gh- in front of numbers",
        "Works in 1.10.1, fails in 1.11.0. A git bisect points to gh-17678.",
        blamed=((17678, "stated"),),
    ),
    Form(
        "kubernetes: the form of a failing test",
        "**Which jobs are failing**:\n\ngce-alpha\n\n**Since when has it been failing**:\n\n06/12/2020\n",
    ),
    Form(
        "Jenkins: stable and failed builds",
        "Last stable build: #512 (commit abc1234)\nFirst failed build: #513 (commit def5678)\n",
        "abc1234",
        "def5678",
    ),
    Form(
        "Azure: build numbers with days",
        "Started failing with build 20240312.4 (https://dev.azure.com/o/p/_build/results?buildId=123694). "
        "The last green one was 20240312.3 at 4f5569d.",
        "4f5569d",
    ),
    Form(
        "llvm: reverted and relanded as",
        "https://lab.llvm.org/buildbot/#/builders/230/builds/3247 fails since #206557 was merged. "
        "Reverted in #206770, relanded as #206900.",
        blamed=((206557, "derived"),),
        final=206900,
    ),
    Form(
        "solvespace: a bet, and what it was not",
        f"I'd bet that it was caused by {A} (also leading to #995) and not by #997.",
        blamed=((A, "guess"),),
    ),
    Form(
        "rust: a revert as an experiment, whose result clears the change",
        "Revert #69108\n\n...to see if it caused the regression in #69197.\n\n"
        "#69108 did not cause the regression.",
    ),
    Form(
        "intel-xpu: runs of two nights with their commits",
        f"The nightly run is red: https://github.com/o/p/actions/runs/94581/job/2605 - commit {B}\n\n"
        f"The night before was not: https://github.com/o/p/actions/runs/94411/job/2600 - commit {A}",
        bad=B,
    ),
    Form(
        "roc: the last change that was merged, and a flake",
        "Reverts o/p#4057\n\nSomething broke the nightly build, and this was merged last.\n\n"
        "Apparently this is a flake.",
    ),
    Form(
        "opentitan: closed in favour of another one",
        f"The commit {A} has broken the nightly, so this PR reverts it.\n\n"
        "Closing this PR in favour of https://github.com/o/p/pull/20202",
    ),
    Form(
        "local-operator: main is green at a commit, and the change is not to blame",
        "main itself is green at f2a52b53, so it is flaky, and not caused by this PR (#304).",
        "f2a52b53",
    ),
    Form(
        "streisand: fixed in a commit before the revert",
        f"This was fixed in {A}, right before this revert.",
    ),
    Form(
        "a regression and its fix in one sentence",
        "Regression from #10, fixed by #20 (not by #19, which was closed).",
        blamed=((10, "stated"),),
        final=20,
    ),
    Form(
        "a change beside the one that is to blame",
        "The one to look at: #12 is to blame, though #13 touches the same file.",
        blamed=((12, "stated"),),
    ),
    Form(
        "two attempts, each reverted: which revert ended it is unknown",
        "Broken by #12 (reverted in #13), second attempt #14 broke it again and was reverted in #15.",
        blamed=((12, "stated"),),
    ),
    Form(
        "a change that broke something else",
        "#12 fixed this but #13 broke something else.",
        final=12,
    ),
    Form(
        "a correction of one's own", "It came in with #14, not with #15 as I said.", blamed=((14, "stated"),)
    ),
)


def read(text):
    return analyse(read_page(text))


def blamed(found):
    return tuple((each.pull or each.commit, each.certainty) for each in found.suspects)


@pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])
def test_form_of_a_public_report(form):
    found = read(form.text)
    ends = tuple(end.commit.value if end.commit else "" for end in (found.good, found.bad))
    assert ends == (form.good, form.bad)
    assert blamed(found) == form.blamed
    assert found.final == form.final


@pytest.mark.parametrize(
    ("text", "suspects"),
    [
        ("#10 isn't the culprit; #11 is.", ((11, "stated"),)),
        ("#10 isn't the culprit, #11 is.", ((11, "stated"),)),
        ("The culprit isn't #10, it's #11.", ((11, "stated"),)),
        ("The culprit is not #10 but #11.", ((11, "stated"),)),
        ("I thought #10 was the culprit, but actually it was #11.", ((11, "stated"),)),
        ("Bisected to #10.\n\nNope, not #10. It's #11.", ((11, "stated"),)),
        ("Bisected to #10.\n\nEdit: actually it's #11, not #10.", ((11, "stated"),)),
        ("Culprit is #10.\n\nFalse alarm, #10 is fine; #11 broke it.", ((11, "stated"),)),
        ("Culprit: #10\n\nUpdate: the culprit is #11, not #10.", ((11, "stated"),)),
        ("Bisected to #10.\n\nNope, it wasn't #10.", ()),
        ("Bisected to #10.\n\nI ruled out #10.", ()),
        ("Bisected to #10.\n\nWe can rule out #10.", ()),
        ("Bisected to #10.\n\nFalse alarm about #10.", ()),
        ("Bisected to #10.\n\nI don't think that it is #10.", ()),
        ("Bisected to #10.\n\n#10 has nothing to do with it.", ()),
        ("Bisected to #10.\n\n#10 looks unrelated.", ()),
        ("Bisected to #10.\n\nIt fails with #10 reverted as well.", ()),
        ("Bisected to #10.\n\nIt still fails without #10.", ()),
        ("Could be #10, but it may also be #11.", ()),
        ("It is #10.", ()),
        ("Is #10 the culprit?", ()),
    ],
)
def test_correction_of_blame(text, suspects):
    assert blamed(read(text)) == suspects


@pytest.mark.parametrize(
    ("text", "final"),
    [
        ("Fixed by #30, reverted in #31 and re-landed in #32.", 32),
        ("Fixed by #30, which was reverted in #31, then re-landed in #32.", 32),
        ("Fixed by #30, reverted in #31.", None),
        ("Fixed in #30. Reverted in #31. Fixed again in #32.", 32),
        ("Caused by #10. Reverted in #20, re-landed in #21, reverted again in #22.", 22),
        (
            "Caused by #10. Reverted in #20, re-landed in #21, and again reverted in #22, re-landed in #23.",
            23,
        ),
        ("Caused by #10. We reverted #10 in #20, and #21 re-lands it with a fix.", 21),
        ("Caused by #10, reverted in #20; the reland is #21.", 21),
        ("Caused by #10. Rolled back in #20 and rolled forward in #21.", 21),
        ("Fixed by #30. #30 was rolled back in #31.", None),
        ("Not fixed by #30, fixed by #31.", None),
        ("Fixed by #30.\n\nEdit: actually by #31, not #30.", None),
        ("Fixed by #30? No, it was fixed by #31.", 31),
    ],
)
def test_chain_of_reverts(text, final):
    assert read(text).final == final
