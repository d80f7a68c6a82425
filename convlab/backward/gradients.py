"""The gradients of one number of a network by all its layers, over a recording."""

from collections.abc import Iterable

from convlab.backward.engine import pull_back
from convlab.backward.result import Gradients
from convlab.backward.rules import Rule
from convlab.backward.targets import Target, seeds_of
from convlab.errors import LayerNameError, UnsupportedError
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.runtime.host_copies import arrays_on
from convlab.wording import listed, unknown

RULES = ("gradient", "guided", "deconvnet")


def gradients(
    model: Model,
    acts: Activations,
    target: Target,
    *,
    rule: Rule = "gradient",
    to: str | Iterable[str] | None = None,
) -> Gradients:
    """Return how fast a number changes with each number of each layer before it, and of the input.

    Parameters
    ----------
    model, acts
        The network, and a recording it made; what that lacks is computed from what it has. Through a layer that a
        what-if has replaced nothing goes back.
    target
        Which number of each image. An int or a str: a class by its number or label, its value before the final
        softmax or sigmoid. ("conv2", 7): the mean of a channel, or a unit of a dense layer. ("conv2", (3, 4, 7)): one
        unit. ("conv2/pre", 7): before the layer's activation function. (class, mask): of a map of classes, the mean
        of one within a mask (H, W). Arrays (N, ...) by name: the gradients to begin with.
    rule : "gradient", "guided" or "deconvnet"
        How ReLU hands back a gradient: as its derivative, or as in the pictures of Springenberg et al. or of Zeiler
        and Fergus (see `convlab.backward.rules`), which are no gradients.
    to : str or sequence of str, optional
        By which inputs and layers; by default all.

    Returns
    -------
    Gradients
        A mapping like a recording, by name, inputs first, in order of execution; on a GPU they stay there, as a
        recording does. It holds on to the recording, so that `convlab.explain(..., backward=True)` can tell where
        each number comes from.

    Raises
    ------
    LayerNameError
        For a layer or a label that the network does not have, or layers of which none leads to the number.
    ShapeError
        For a class, channel or unit that is not there, or a recording of another network.
    WeightsError
        For a recording of the network with other weights.
    UnsupportedError
        For a layer on the way through which there is no gradient, a rule that is not known, or what is no recording.
    """
    if rule not in RULES:
        raise UnsupportedError(unknown("rule", rule, RULES))
    known = [*model.inputs, *(node.name for node in model.nodes)]
    asked = known if to is None else [to] if isinstance(to, str) else list(to) if isinstance(to, Iterable) else []
    if not asked:
        raise LayerNameError(f"gradients: to is {to!r}, expected the name of a layer or an input, or several")
    for name in asked:
        if name not in known:
            raise LayerNameError(unknown("layer", name, known))
    values = model.values_of(acts)
    like = values[next(iter(model.inputs))]
    seeds, what = seeds_of(model.graph, target, model.labels, like)
    with model.computing(len(like)):
        found = pull_back(model.graph, values, seeds, set(asked), rule, acts.replaced)
    if not found:
        why = f", as {listed(acts.replaced)} was replaced by a what-if" if acts.replaced else ""
        raise LayerNameError(f"gradients: {what} does not depend on {listed(asked)}{why}")
    arrays = arrays_on(model.device)
    arrays.update({name: found[name] for name in known if name in found})
    kinds = {**dict.fromkeys(model.inputs, "InputLayer"), **{node.name: node.layer.kind for node in model.nodes}}
    title = "gradient" if rule == "gradient" else rule
    return Gradients(
        arrays,
        {name: kinds[name] for name in arrays},
        inputs=acts.inputs,
        outputs=acts.outputs,
        model=model.name,
        preprocessing=acts.preprocessing,
        labels=acts.labels,
        activation=acts.activation,
        functions=acts.functions,
        note=", ".join(filter(None, [acts.note, f"{title} of {what}"])),
        replaced=acts.replaced,
        network=model,
        weights=acts.weights,
        target=what,
        rule=rule,
        seeds=seeds,
        made=values,
    )
