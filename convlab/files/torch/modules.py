"""The modules of a PyTorch network matched to layers: by names, by order and by shapes, and never guessed."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from convlab.files.torch.layouts import IGNORED, Counterpart, counterparts
from convlab.files.torch.order import MatchingError, Order, assign
from convlab.files.weight_specs import LayerWeights
from convlab.model.receipt import describe_difference
from convlab.storage.tensors import StateDict, Tensor
from convlab.wording import listed, say

__all__ = ["Matching", "Module", "find_modules", "match_modules"]

WRAPPERS = ("module.", "model.")  # what DataParallel and training scripts put before every name
Wanted = Mapping[str, Counterpart] | None  # the tensors of a layer by role; None: no module holds them


@dataclass(frozen=True)
class Module:
    """The tensors of one module, by the last part of their names."""

    name: str
    tensors: dict[str, Tensor]

    def __str__(self) -> str:
        return f"{self.name}{self.holdings}"

    @property
    def holdings(self) -> str:
        """Its tensors, for a message."""
        return f" ({listed([f'{leaf} {tensor.shape}' for leaf, tensor in self.tensors.items()])})"

    def fits(self, wanted: Wanted) -> bool:
        """Tell whether it holds exactly these tensors, each in a shape that is possible."""
        if wanted is None or len(wanted) != len(self.tensors):
            return False
        return all(one.leaf in self.tensors and self.tensors[one.leaf].shape in one.shapes for one in wanted.values())


@dataclass(frozen=True)
class Matching:
    """The module of each layer, how that was told, and what has no partner."""

    modules: dict[str, Module]
    told: str
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def find_modules(state: StateDict) -> dict[str, Module]:
    """Group the tensors of a file by module, in its order, without a wrapper's name before all of them."""
    modules: dict[str, Module] = {}
    for name, tensor in state.tensors.items():
        prefix, _, leaf = name.rpartition(".")
        if leaf not in IGNORED:
            modules.setdefault(prefix, Module(prefix, {})).tensors[leaf] = tensor
    for wrapper in WRAPPERS:
        if all(name.startswith(wrapper) for name in modules):
            modules = {
                name.removeprefix(wrapper): Module(name.removeprefix(wrapper), module.tensors)
                for name, module in modules.items()
            }
    return modules


def _named_in_full(name: str, modules: Mapping[str, Module]) -> str:
    """Return the name `find_modules` gave to a module that the caller knows by its name in the file."""
    short = (name.removeprefix(wrapper) for wrapper in WRAPPERS)
    return next((one for one in (name, *short) if one in modules), name)


def match_modules(
    layers: Sequence[LayerWeights],
    modules: Mapping[str, Module],
    names: Mapping[str, str],
    *,
    order: Order,
    partial: bool,
    strict: bool,
) -> Matching:
    """Find the module of each layer.

    Parameters
    ----------
    layers
        Those with weights, in order of execution.
    modules
        Those of the file, in its order.
    names
        Modules by layer that the caller knows. Layers named like a module take that.
    order
        What is believed of the modules' order.
    partial
        Whether modules without partner belong to layers that are left out.
    strict
        Whether a layer or module without partner is an error.

    Raises
    ------
    MatchingError
        Where there is no way to pair them, or more than one.
    """
    wanted = {layer.name: counterparts(layer) for layer in layers}
    known = _named(wanted, modules, {layer: _named_in_full(name, modules) for layer, name in names.items()})
    taken = {module.name for module in known.values()}
    rest = {name: need for name, need in wanted.items() if name not in known}
    free = [module for module in modules.values() if module.name not in taken]
    missing = [name for name, need in rest.items() if not any(module.fits(need) for module in free)]
    stray = [module for module in free if not any(module.fits(need) for need in rest.values())]
    unexpected, left_out = ([], stray) if partial else (stray, [])
    if strict and (missing or unexpected):
        needs = {name: f" needs {_needs(rest[name])}" for name in missing}
        raise MatchingError(describe_difference(needs, {module.name: module.holdings for module in unexpected}))
    strays = {module.name for module in stray}
    free = [module for module in free if module.name not in strays]
    fitting = {
        name: [module.name for module in free if module.fits(need)]
        for name, need in rest.items()
        if name not in missing
    }
    found, told = assign(fitting, [module.name for module in free], order)
    chosen = known | {layer: modules[module] for layer, module in found.items()}
    return Matching(
        {name: chosen[name] for name in wanted if name in chosen},
        " and ".join((["names"] if known else []) + ([told] if found else [])),
        tuple(missing),
        tuple(module.name for module in unexpected),
        tuple(module.name for module in left_out),
    )


def _named(
    wanted: Mapping[str, Wanted], modules: Mapping[str, Module], names: Mapping[str, str]
) -> dict[str, Module]:
    """Return the modules that a name tells, each checked to fit."""
    for layer, module in names.items():
        if layer not in wanted:
            raise MatchingError(
                f"{say('names=', '--names')} speaks of layer {layer}, but the model has {listed(wanted)}"
            )
        if module not in modules:
            raise MatchingError(
                f"{say('names=', '--names')} gives {layer} the module {module}, but the file has {listed(modules)}"
            )
    taken = set(names.values())
    if len(taken) < len(names):
        raise MatchingError(f"{say('names=', '--names')} gives two layers the same module")
    alike = _named_alike(wanted, [module for module in modules if module not in taken])
    chosen = alike | dict(names)
    for layer, module in chosen.items():
        if not modules[module].fits(wanted[layer]):
            raise MatchingError(f"{layer} needs {_needs(wanted[layer])}, found {modules[module]}")
    return {layer: modules[module] for layer, module in chosen.items()}


def _named_alike(layers: Collection[str], modules: Collection[str]) -> dict[str, str]:
    """Return the module of each layer that is called like it, "/" written "." where that can be only this one."""
    readings = Counter(name.replace("/", ".") for name in layers)
    found = {layer: layer for layer in layers if layer in modules}
    dotted = {layer: layer.replace("/", ".") for layer in layers if layer not in found}
    return found | {
        layer: name for layer, name in dotted.items() if name in modules and name not in found and readings[name] == 1
    }


def _needs(wanted: Wanted) -> str:
    if wanted is None:
        return "weights that no module of PyTorch holds"
    return ", ".join(f"{one.leaf} {' or '.join(map(str, one.shapes))}" for one in wanted.values())
