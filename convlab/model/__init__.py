"""The network: an ordered graph of named layers, its weights, and how it is run."""

from convlab.model.model import Model
from convlab.model.nodes import Node

__all__ = ["Model", "Node"]
