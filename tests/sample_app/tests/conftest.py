import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def cloud(wumai_sim):
    from cloud import api, jobs

    return wumai_sim.route(api.routes, jobs.routes)
