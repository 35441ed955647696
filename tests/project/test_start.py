"""What the processes of the program load when they start."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points


def test_the_module_of_the_command_loads_nothing():
    """Each parser process loads it, whenever one is started."""
    (command,) = entry_points(group="console_scripts", name="monitor")
    assert command.value == "monitor.__main__:main"
    script = f"import sys, {command.module}; print(*(name for name in sys.modules if 'monitor' in name))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == ["monitor", "monitor.__main__"]
