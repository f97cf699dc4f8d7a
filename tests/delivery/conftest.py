"""Delivery to a local server, with a clock that sleeps without waiting."""

import pytest
from github_service import REPOSITORY, github

from bisect_tool.delivery.clock import Clock
from bisect_tool.delivery.deliver import deliver
from bisect_tool.options.delivery_options import DeliveryOptions
from bisect_tool.paths import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home" / "state", tmp_path / "home" / "cache")


class FakeClock:
    """Sleeping advances it; `pauses` are the sleeps."""

    def __init__(self):
        self.time = 1_772_800_000.0
        self.pauses = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.time += seconds


class Delivery:
    """Delivers nights to a service; `report` is that of the last delivery, `clock` has the sleeps."""

    def __init__(self, service, home):
        self.service = service
        self.home = home
        self.clock = FakeClock()
        self.report = None
        self.environment = {
            "GITHUB_API_URL": service.url,
            "BISECT_RUN_GITHUB_WRITE_TOKEN": "gh-write-secret",
            "BISECT_RUN_SLACK_WEBHOOK": f"{service.url}/webhook",
        }

    def __call__(self, night, *, dry_run=False, **options):
        """Deliver to issues unless other channels are named; returns the messages."""
        messages = []
        chosen = DeliveryOptions(**(options or {"github_issues": REPOSITORY}))
        clock = Clock(self.clock.sleep, self.clock.now)
        self.report = deliver(night, chosen, self.environment, self.home, messages.append, dry_run, clock)
        return messages

    def failing(self, night, **options):
        """Deliver with an action that fails; returns the messages."""
        messages = self(night, **options)
        assert "delivery action" in self.report.summary
        assert self.report.failed
        return messages


@pytest.fixture
def service():
    with github() as found:
        yield found


@pytest.fixture
def delivery(service, home):
    return Delivery(service, home)
