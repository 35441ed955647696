"""An alerting feed monitor for diplomatic developments."""

from importlib.metadata import version

__version__ = version("diplomatic-monitor")
