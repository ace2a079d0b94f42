"""The one argument of each mutation."""

from typing import Annotated, TypeVar

import strawberry

InputT = TypeVar("InputT")
Input = Annotated[InputT, strawberry.argument(description="What it needs, in one object.")]
