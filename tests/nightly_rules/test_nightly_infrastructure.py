"""Infrastructure failures: outages, sick agents, incidents."""

from nights import COMMITS, REGRESSION, cell, decided, nights, reruns, trial

from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect, Nothing, Rerun, Runs, Wait
from bisect_tool.nightly_rules.reason import Reason


def test_good_end_that_fails_now_indicates_the_environment():
    assert decided([*nights("P P P P P FFF F"), *reruns(4, "FF")]) == Wait(Reason.ENVIRONMENT)


def test_pass_after_an_environment_failure_is_no_fix():
    found = decided([*nights("P P P P P FFF F P"), *reruns(4, "FF")])
    assert found == Nothing(Reason.PASSED_AGAIN, since="c7")


def outage(name):
    """The last green commit also fails for some days, and the cell passes since."""
    key = cell(name)
    outcomes = nights("P P P P P FFF F", key)
    return [*outcomes, *reruns(4, "FF", key), *reruns(7, "P", key, day=60)]


def test_outage_that_is_over_has_no_effect():
    """The cells are not flaky, no commit fixed them, and the next regression is found at once."""
    over = [each for name in ("test_a", "test_b", "test_c") for each in outage(name)]
    assert set(decide(over, COMMITS).values()) == {Nothing(Reason.GREEN)}
    red = [
        *reruns(9, "F", day=62, host="h1"),
        *reruns(9, "FF", day=63, host="h2"),
        *reruns(9, "F", day=65, host="h3"),
    ]
    found = decide([*over, *reruns(8, "PP", day=61), *red, *reruns(8, "P", day=64)], COMMITS)
    assert found[cell("test_a")].reason is Reason.REGRESSION


def test_a_single_cell_that_fails_again_is_flaky():
    assert decided(outage("test_a")).reason is Reason.PASSED_AGAIN


def test_a_cell_that_failed_on_all_of_its_agents_may_run_on_any():
    found = decided(nights("P P P F F", hosts=["h1", "h2"]))
    assert (found.reason, found.avoid) == (Reason.TOO_FEW_FAILURES, ())


def test_failures_on_one_agent_must_be_reproduced_on_others():
    red = [
        *nights("P P P P P"),
        *reruns(5, "FFFF", day=10, host="h1"),
        *reruns(4, "P", day=11),
    ]
    assert decided(red) == Rerun(Reason.ONE_AGENT, (Runs("c5", 1),), ("h1",))
    assert decided([*red, *reruns(6, "F", day=12)]).reason is Reason.ONE_AGENT
    assert isinstance(decided([*red, *reruns(5, "F", day=12), *reruns(6, "F", day=12)]), Bisect)


def test_cell_with_a_single_agent_is_not_delayed():
    trials = [*nights("P P P P P FFF F", hosts=["h1"]), *reruns(4, "P", host="h1")]
    assert isinstance(decided(trials), Bisect)


def test_cell_on_a_new_agent_is_bisected_after_some_nights():
    before = nights("P P P P P P", hosts=["h1", "h2"])
    assert decided([*before, *nights("F F F F", start=6, hosts=["h3"])]).reason is Reason.ONE_AGENT
    assert isinstance(decided([*before, *nights("F F F F F", start=6, hosts=["h3"])]), Bisect)


def test_a_cell_that_fails_on_one_agent_only_is_not_called_flaky():
    trials = [*nights("P P P"), *reruns(3, "FFF", day=4, host="h1"), *reruns(3, "PP", day=5, host="h2")]
    assert decided(trials) == Nothing(Reason.SICK_AGENT)


def test_failures_of_a_sick_agent_count_as_infrastructure():
    cells = [cell(f"test_{name}", job) for name in "abc" for job in ("gpu", "cpu")]
    before = [one for key in cells for one in nights("P P P P P", key)]
    sick = [trial("c5", "F", key, hour=130, host="h1") for key in cells]
    others = [trial("c5", "P", cell("test_x", "gpu"), hour=130, host="h2")]
    found = decide([*before, *sick, *others], COMMITS)
    assert {found[key] for key in cells} == {Wait(Reason.INFRASTRUCTURE)}
    elsewhere = [trial("c5", "F", key, hour=130, host=f"h{number}") for number, key in enumerate(cells)]
    found = decide([*before, *elsewhere, *others], COMMITS)
    assert {found[key].reason for key in cells} == {Reason.FIRST_FAILURE}


INCIDENT_CELLS = [cell(f"test_{name}", job) for name, job in zip("pqrs", ("a", "b", "c", "d"), strict=True)]


def incident_of(key, states):
    """A cell that passed for five days, and has these states on the sixth, the day of the incident."""
    hosts = (f"{key.cell} 1", f"{key.cell} 2")
    return [
        *nights("P P P P P", key),
        *nights(states, key, start=5, hosts=hosts, exception="ConnectionError"),
    ]


def test_incident_counts_as_infrastructure_for_all_of_its_cells():
    others = [one for key in INCIDENT_CELLS for one in incident_of(key, "FP")]
    alike = [*nights("P P P P P FFF F", exception="ConnectionError"), *reruns(4, "P")]
    assert isinstance(decided(alike), Bisect)
    assert decided([*alike, *others]) == Wait(Reason.INFRASTRUCTURE)
    assert isinstance(decided([*REGRESSION, *others]), Bisect)


def test_exception_that_most_cells_fail_with_again_is_no_incident():
    others = [one for key in INCIDENT_CELLS for one in incident_of(key, "FP")]
    always_failing = [one for number in range(5) for one in incident_of(cell(f"test_{number}", "e"), "FF")]
    alike = [*nights("P P P P P FFF F", exception="ConnectionError"), *reruns(4, "P")]
    assert isinstance(decided([*alike, *others, *always_failing]), Bisect)


def test_flaky_cells_are_no_incident():
    before = [
        one for key in INCIDENT_CELLS for one in nights("PF", key, hosts=(f"{key.cell} 1", f"{key.cell} 2"))
    ]
    others = [*before, *(one for key in INCIDENT_CELLS for one in incident_of(key, "FP")[1:])]
    alike = [*nights("P P P P P FFF F", exception="ConnectionError"), *reruns(4, "P")]
    assert isinstance(decided([*alike, *others]), Bisect)


def test_incident_that_includes_the_good_commit_is_found_in_any_order():
    keys = INCIDENT_CELLS[:3]
    trials = [one for key in keys for one in incident_of(key, "FP")]
    again = [one for key in keys for one in reruns(4, "F", key, day=5, exception="ConnectionError")]
    found = {decide([*trials, *again][::step], COMMITS)[key] for key in keys for step in (1, -1)}
    assert {type(each) for each in found} <= {Nothing, Wait}


def test_failures_of_one_job_are_not_attributed_to_its_agent():
    cells = [cell(f"test_{name}") for name in "abcd"]
    before = [one for key in cells for one in nights("P P P P P", key)]
    failed = [trial("c5", "F", key, hour=130, host="h1") for key in cells]
    other = trial("c5", "P", cell("test_x", "cpu"), hour=130, host="h2")
    assert decided([*before, *failed, other]).reason is Reason.FIRST_FAILURE
