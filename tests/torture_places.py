"""Places where an engine calls a user's code, each with a trap in it.

`PLACES` builds for each what a run needs to come there: the task ``h`` that does harm, the task
``c`` that takes its result, and options of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torture import ERRORS, KINDS, VALUES, Trap, value_of_kind
from torture_tasks import (
    CancelsWhenFreed,
    CancelsWhenRead,
    CancelsWhenShown,
    Generates,
    LosingExecutor,
    Makes,
    NamelessFunction,
    Nests,
    NoBool,
    NoFloat,
    Prints,
    Quiet,
    Raises,
    RefusingPool,
    Returns,
    ReturnsSome,
    Sleeps,
    Stream,
    UnpicklableFunction,
    UnreadableFunction,
    UnsignedFunction,
    cancels,
    cancels_in_error,
    fails,
    keyword,
    picks,
    raises_beside,
    raises_on_loop,
    raises_when_cancelled,
    returns_from_loop,
    unchecked,
)

__all__ = ["PLACES", "Place"]


@dataclass
class Place:
    """A hostile task, and how a run comes to where it does harm.

    Attributes
    ----------
    function, options : callable, dict
        What the task ``h`` does, and the options of its `Task`.
    consumer : callable
        What the task ``c`` does, which takes the result of ``h``.
    edge, key : str
        How it takes it.
    run : dict
        Further options of the run.
    stream : object, optional
        What ``sys.stdout`` is meanwhile.
    cancels : bool
        Whether the run may be found cancelled.
    blames_any : bool
        Whether any task may be the one that meets the harm.
    """

    function: Callable[..., Any]
    options: dict[str, Any] = field(default_factory=dict)
    consumer: Callable[..., Any] = field(default_factory=Quiet)
    edge: str = "result"
    key: str | None = None
    run: dict[str, Any] = field(default_factory=dict)
    stream: Any = None
    cancels: bool = False
    blames_any: bool = False


RETRIED = {"retries": 2, "retry_delay": 0.001}

PLACES: dict[str, Callable[[str], Place]] = {
    # The function, and what stands around it.
    "function": lambda kind: Place(Trap(kind)),
    "function, retried": lambda kind: Place(Trap(kind), RETRIED | {"retry_on": BaseException}),
    "function, after printing": lambda kind: Place(Prints(kind)),
    "function, late": lambda kind: Place(Sleeps(kind), {"timeout": 0.1}),
    "function, nested": lambda kind: Place(Nests(kind)),
    "function, nested one after the other": lambda kind: Place(Nests(kind, "sequential")),
    "function, of an item": lambda kind: Place(Quiet([1, 2, 3]), consumer=Trap(kind), edge="map"),
    "function's __reduce__": lambda kind: Place(UnpicklableFunction(kind)),
    "function's __setstate__": lambda kind: Place(UnreadableFunction(kind)),
    "function's __name__": lambda kind: Place(NamelessFunction(kind)),
    "function's __signature__": lambda kind: Place(UnsignedFunction(kind)),
    "validate_input": lambda kind: Place(Quiet(), {"validate_input": Trap(kind)}),
    "validate_output": lambda kind: Place(Quiet(), {"validate_output": Trap(kind)}),
    "validator's verdict": lambda kind: Place(Quiet(), {"validate_output": NoBool(kind)}),
    "retry_delay": lambda kind: Place(fails, {"retries": 2, "retry_delay": Trap(kind)}),
    "retry_delay, the second": lambda kind: Place(
        fails, {"retries": 3, "retry_delay": NoFloat(kind)}
    ),
    "retry_on": lambda kind: Place(fails, RETRIED | {"retry_on": unchecked(kind)}),
    "retry_on, of what was raised": lambda kind: Place(
        Trap(kind), RETRIED | {"retry_on": (KINDS[kind]().__class__, OSError)}
    ),
    "generator": lambda kind: Place(Generates(kind)),
    "generator, mapped over": lambda kind: Place(Generates(kind), edge="map"),
    "async": lambda kind: Place(raises_on_loop(kind)),
    "async, retried": lambda kind: Place(raises_on_loop(kind), RETRIED),
    "async, beside it": lambda kind: Place(raises_beside(kind)),
    "async, late": lambda kind: Place(raises_when_cancelled(kind), {"timeout": 0.05}),
    "async, of an item": lambda kind: Place(
        Quiet([1, 2, 3]), consumer=raises_on_loop(kind), edge="map"
    ),
    # Around the run.
    "observer": lambda kind: Place(Quiet(), run={"observers": [Trap(kind)]}),
    "stream's write": lambda kind: Place(Prints(), stream=Stream("write", kind)),
    "stream's flush": lambda kind: Place(Prints(), stream=Stream("flush", kind)),
    "pool's submit": lambda kind: Place(
        Quiet(), run={"executor": RefusingPool(kind, 1)}, blames_any=True
    ),
    "executor's future": lambda kind: Place(
        Quiet(), run={"executor": LosingExecutor(kind, 1)}, blames_any=True
    ),
    "cancel": lambda kind: Place(cancels, cancels=True),
    "cancel in a result's __del__": lambda kind: Place(
        Makes(CancelsWhenFreed), run={"keep": "last"}, cancels=True
    ),
    "cancel in a result's __setstate__": lambda kind: Place(Makes(CancelsWhenRead), cancels=True),
    "cancel in an item's __repr__": lambda kind: Place(
        Makes(CancelsWhenShown, 3), consumer=fails, edge="map", cancels=True
    ),
    "cancel in an error's __str__": lambda kind: Place(cancels_in_error, cancels=True),
    "cancel in an item's error's __str__": lambda kind: Place(
        Quiet([1, 2]), consumer=cancels_in_error, edge="map", cancels=True
    ),
    "mapping's keys, by parameters": lambda kind: Place(
        Returns("Keys.__contains__", kind), consumer=picks
    ),
    "mapping's keys, for the error": lambda kind: Place(
        Returns("Keys.__iter__", kind), consumer=picks
    ),
}


def _add(prefix: str, names: Any, build: Callable[[str, str], Place]) -> None:
    for name in names:
        PLACES[f"{prefix}{name}"] = lambda kind, name=name: build(name, kind)  # type: ignore[misc]


BY_KEY = [name for name in VALUES if name.startswith("Keys.")] + ["Value.part", "Value.__getattr__"]
ITERATED = [name for name in VALUES if name.startswith(("Items.", "Keys."))]
PLAIN = [name for name in VALUES if name.startswith("Value.")]
SHOWN = ["Value.__repr__", "Value.__class__", "Value.__reduce__", "Value.__getattr__"]
GIVEN = ["Value.__reduce__", "Value.__getstate__", "Value.__setstate__", "Value.__class__",
         "Value.__eq__", "Value.__del__", "Value.__getattr__", "Keys.__iter__"]  # fmt: skip

_add("result's ", PLAIN, lambda name, kind: Place(Returns(name, kind)))
_add(
    "last result's ", PLAIN[:4], lambda name, kind: Place(Returns(name, kind), run={"keep": "last"})
)
_add("async result's ", PLAIN[-4:], lambda name, kind: Place(returns_from_loop(name, kind)))
_add("items of ", [*ITERATED, "Value.__iter__"],
     lambda name, kind: Place(Returns(name, kind), edge="map"))  # fmt: skip
_add("a key of ", BY_KEY, lambda name, kind: Place(Returns(name, kind), key="part"))
_add("no key of ", ["Keys.__iter__", "Value.__dir__"],
     lambda name, kind: Place(Returns(name, kind), key="absent"))  # fmt: skip
_add("a failed item's ", SHOWN,
     lambda name, kind: Place(ReturnsSome(name, kind), consumer=fails, edge="map"))  # fmt: skip
_add("error's ", ERRORS, lambda method, kind: Place(Raises(method, kind)))
_add("retried error's ", ERRORS, lambda method, kind: Place(Raises(method, kind), RETRIED))
_add("item's error's ", ERRORS,
     lambda name, kind: Place(Quiet([1, 2]), consumer=Raises(name, kind), edge="map"))  # fmt: skip
_add("input's ", GIVEN,
     lambda name, kind: Place(keyword, run={"inputs": {"h.value": value_of_kind(name, kind)}}),
)  # fmt: skip
