"""Random generators that a function brings along: each call draws from streams of its own.

A function in another process has a copy of what it names, so without further ado two workers would
draw the same. Before each call the generators of a copy are put to the start of a stream that comes
from three things: what the generator was when the run was begun, the name of the task, and the
number of the item. So the same seed gives the same numbers on any number of workers.

A forked process inherits NumPy's own generator as well; there it is seeded anew, as Python does
with its own.

This module uses the standard library alone: it travels to places where the package is not
installed.
"""

from __future__ import annotations

import hashlib
import importlib
import pickle
import random
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .process.forks import after_fork

__all__ = ["Drawing", "is_generator", "own_stream", "owned_by", "part_from_parent", "print_of"]

Loaded = tuple[Callable[..., Any], tuple[Any, ...], Sequence[Any]]


_PLAIN = frozenset(map(id, (type(None), bool, int, float, str, bytes, list, tuple, dict, set)))
"""The ids of types whose objects draw nothing themselves."""


def _types_of(module: str, *names: str) -> tuple[type, ...]:
    """Return types of a module, as far as somebody has imported it."""
    home = sys.modules.get(module)
    if home is None:
        return ()
    found = (getattr(home, name, None) for name in names)
    return tuple(kind for kind in found if isinstance(kind, type))


def _is_a(value: Any, module: str, name: str) -> bool:
    return issubclass(type(value), _types_of(module, name))


def is_generator(value: Any) -> bool:
    """Tell whether a value draws random numbers from a state.

    Examples
    --------
    >>> is_generator(random.Random(1)), is_generator(random.SystemRandom()), is_generator(1)
    (True, False, False)
    """
    kind = type(value)
    if id(kind) in _PLAIN:  # nearly always, and soon seen
        return False
    if issubclass(kind, random.Random):
        return not issubclass(kind, random.SystemRandom)
    return issubclass(
        kind,
        (
            *_types_of("numpy.random", "Generator", "RandomState", "BitGenerator", "SeedSequence"),
            *_types_of("torch", "Generator"),
        ),
    )


def owned_by(generator: Any) -> list[Any]:
    """Return the generators that are part of a generator of NumPy, and draw when it draws."""
    inner = [getattr(generator, name, None) for name in ("bit_generator", "_bit_generator")]
    parts = [part for part in inner if part is not None]
    seeds = (getattr(part, "seed_seq", None) for part in (generator, *parts))
    return parts + [seed for seed in seeds if seed is not None]


def print_of(generator: Any) -> bytes:
    """Return what tells the state of a generator from another state.

    Examples
    --------
    >>> print_of(random.Random(1)) == print_of(random.Random(1)) != print_of(random.Random(2))
    True
    """
    bits = getattr(generator, "bit_generator", generator)
    if isinstance(generator, random.Random):
        state: Any = generator.getstate()
    elif _is_a(generator, "numpy.random", "RandomState"):
        state = generator.get_state(legacy=False)
    elif _is_a(generator, "torch", "Generator"):
        state = generator.get_state().numpy()
    else:
        state = bits.state
    return hashlib.sha256(_written(state)).digest()


def _written(state: Any) -> bytes:
    if isinstance(state, Mapping):
        state = sorted(state.items())
    if isinstance(state, (list, tuple)):
        return b"(" + b",".join(map(_written, state)) + b")"
    return state.tobytes() if hasattr(state, "tobytes") else repr(state).encode()


def _start(generator: Any, origin: bytes, stream: str) -> None:
    """Put a generator to the start of a stream; whoever else has hold of it sees that too."""
    seed = int.from_bytes(hashlib.sha256(origin + stream.encode()).digest(), "big")
    if isinstance(generator, random.Random):
        generator.seed(seed)
    elif _is_a(generator, "torch", "Generator"):
        generator.manual_seed(seed % 2**63)
    elif _is_a(generator, "numpy.random", "SeedSequence"):
        generator.__init__(seed)  # there is no other way in place
    else:
        is_old = _is_a(generator, "numpy.random", "RandomState")
        name = "_bit_generator" if is_old else "bit_generator"
        bits = getattr(generator, name, generator)
        bits.__init__(sys.modules["numpy.random"].SeedSequence(seed))
        if is_old:
            generator.__init__(bits)  # it forgets the second of a pair of normal numbers


def own_stream(generator: Any, stream: str) -> Any:
    """Return a generator of the same kind that draws from a stream of its own.

    Examples
    --------
    >>> base = random.Random(1)
    >>> draws = [own_stream(base, name).random() for name in ("a[0]", "a[1]", "a[0]")]
    >>> draws[0] == draws[2] != draws[1]
    True
    """
    copied = pickle.loads(pickle.dumps(generator))
    _start(copied, print_of(generator), stream)
    return copied


class Drawing:
    """A call whose function draws from generators that it has brought along.

    It is called with the name of the stream as a further argument, the first one.

    Parameters
    ----------
    packed : bytes
        A pickled ``(call, leading arguments, generators)``.
    prints : sequence of bytes
        What each of the generators was where it comes from.

    Examples
    --------
    >>> def call(draw, args, kwargs): return draw(*args, **kwargs)
    >>> source = random.Random(1)
    >>> from taskinity_nb.engine.remote.pickling.pickler import dumps
    >>> packed = dumps((call, (source.random,), [source]))
    >>> drawing = Drawing(packed, [print_of(source)])
    >>> draws = [drawing([name], {}) for name in ("draw[0]", "draw[1]", "draw[0]")]
    >>> draws[0] == draws[2] != draws[1]
    True
    """

    def __init__(self, packed: bytes, prints: Sequence[bytes]) -> None:
        self._packed = packed
        self._prints = prints
        self._loaded: Loaded | None = None
        self._lock = threading.RLock()  # a call has the generators for itself
        self.name = hashlib.sha256(packed).hexdigest()
        """It is read in an epoch of its own, so that no other function has its generators."""

    def __call__(self, args: Any, kwargs: dict[str, Any]) -> Any:
        stream, *args = args
        with self._lock:
            if self._loaded is None:
                self._loaded = pickle.loads(self._packed)
            call, leading, generators = self._loaded
            for generator, origin in zip(generators, self._prints, strict=True):
                _start(generator, origin, stream)
            return call(*leading, args, kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return Drawing, (self._packed, self._prints)


class OfModule:
    """Stands for a generator that a module has, and is the one of the other process there."""

    def __init__(self, module: str, name: str) -> None:
        self._place = module, name

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_module, self._place


def _of_module(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


# NumPy's own generator.

inherited: bytes | None = None
"""What NumPy's own generator was when this process was forked, until the first call here."""


@after_fork
def _remember() -> None:
    global inherited
    own = getattr(sys.modules.get("numpy.random"), "get_state", None)
    inherited = None if own is None else print_of(own.__self__)


def part_from_parent() -> None:
    """Seed NumPy's own generator, unless somebody has done so since this process was forked."""
    global inherited
    before, inherited = inherited, None
    own = getattr(sys.modules.get("numpy.random"), "get_state", None)
    if own is not None and before == print_of(own.__self__):
        own.__self__.seed()
