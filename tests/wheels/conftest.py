import pytest
from made_wheels import make_wheel
from wheel_server import serving_wheels

from bisect_tool.wheels.client import Client
from bisect_tool.wheels.settings import CommitWheels


@pytest.fixture
def server():
    with serving_wheels() as found:
        yield found


@pytest.fixture
def client(server):
    """A client that does not wait; its `waits` has the seconds that it would have waited."""
    waits = []
    with Client(CommitWheels(url=server.url, package="engine"), sleep=waits.append) as found:
        found.waits = waits
        yield found


@pytest.fixture
def wheel_at(tmp_path):
    """A real wheel of a tiny package: `wheel_at("1.0+gabc", "torch==2.10.0")`."""

    def make(version="1.0", *requires, name="engine", text="compiled"):
        return make_wheel(tmp_path / "made", name, version, {"engine/_C.so": text}, requires=requires)

    return make
