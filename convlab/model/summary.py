"""The table of a network's layers."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from convlab.layers import Layer
from convlab.markup.html import html_table
from convlab.markup.tables import table
from convlab.model.graph import Graph
from convlab.model.receptive_field import Field
from convlab.runtime.arrays import Shape
from convlab.wording import printable

Extent = tuple[int, ...] | Literal["varies"] | None

SIDES = "<<<>"


@dataclass(frozen=True)
class Row:
    """One layer; the receptive field, its jump and its start are (height, width) in image cells, or (depth, ...).

    None: all of the image; "varies": boxes of no one size or pace.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    multiply_adds: int
    receptive_field: Extent
    jump: Extent
    start: Extent


@dataclass(frozen=True, repr=False)
class Summary:
    """What a network is made of; `str()` of it is the table."""

    model: str
    inputs: dict[str, Shape]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return str(self)

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Products of an input with a weight that one image takes."""
        return sum(row.multiply_adds for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        return asdict(self) | {"parameters": self.parameters, "multiply_adds": self.multiply_adds}

    def __str__(self) -> str:
        rows = self._table()
        text = table(rows, SIDES, rules=(1, len(rows) - 1))
        return "\n".join([*text, *map(printable, self.notes)])

    def _repr_html_(self) -> str:
        return self.html(self.model)

    def html(self, title: str) -> str:
        """Return the table for a notebook."""
        return html_table(self._table(), SIDES, title=title, notes=self.notes)

    def _table(self) -> list[tuple[str, ...]]:
        header = (
            "layer",
            "type",
            "output",
            "parameters",
            "multiply-adds",
            "receptive field",
            "jump",
            "start",
        )
        lines: list[tuple[str, ...]] = [
            header,
            *((name, "", _shape(shape), "", "", "", "", "") for name, shape in self.inputs.items()),
        ]
        lines += [_cells(row) for row in self.rows]
        return [*lines, ("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "", "", "")]


def one_line(graph: Graph) -> str:
    """Return a network's layers, parameters and shapes in a line."""
    parameters = sum(layer.parameters for layer in graph.layers.values())
    inputs, outputs = (
        " and ".join(str(graph.shapes[name]) for name in names) for names in (graph.inputs, graph.outputs)
    )
    return f"<Model {graph.name}: {len(graph.layers)} layers, {parameters:,} parameters, {inputs} -> {outputs}>"


def summarise(graph: Graph, notes: Iterable[str] = ()) -> Summary:
    """Return the summary of a network, with notes below the table."""
    fields = graph.receptive_fields()
    rows = []
    seen: set[Layer] = set()
    for node in graph.nodes:
        field, parameters = fields[node.name], 0 if node.layer in seen else node.layer.parameters
        seen.add(node.layer)
        rows.append(
            Row(
                node.name,
                node.layer.kind,
                node.output_shape,
                parameters,
                node.multiply_adds,
                *(getattr(field, part) if isinstance(field, Field) else field for part in ("size", "jump", "start")),
            )
        )
    return Summary(graph.name, dict(graph.inputs), tuple(rows), tuple(notes))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        row.type,
        _shape(row.output_shape),
        f"{row.parameters:,}" if row.parameters else "-",
        f"{row.multiply_adds:,}" if row.multiply_adds else "-",
        *(_extent(sides) for sides in (row.receptive_field, row.jump, row.start)),
    )


def _shape(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def _extent(sides: Extent) -> str:
    if not isinstance(sides, tuple):
        return sides or "all"
    return str(sides[0]) if len(set(sides)) == 1 else _shape(sides)
