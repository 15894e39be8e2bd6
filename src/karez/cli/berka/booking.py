"""Puts the bank's rows on the book: through the bookkeeper, in batches, each of which is safe to repeat."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched
