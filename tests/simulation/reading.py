"""What several tests of simulated machines read."""

from __future__ import annotations

import pytest

from gfd.errors import ConfigError
from gfd.inventory.model import Inventory
from gfd.simulation.machines import read


def profiles(inventory: Inventory) -> list[list[str | None]]:
    """Return the profiles of the MIG devices of each GPU."""
    return [[device.profile for device in gpu.mig_devices or ()] for gpu in inventory.gpus]


def error_of(*arguments: str | None) -> str:
    """Return the text of the ConfigError that reading a machine raises."""
    with pytest.raises(ConfigError) as caught:
        read(*arguments)  # type: ignore[arg-type]
    return str(caught.value)
