"""Templates to labels.

A template writes ``key=value`` lines. Each line remembers the template and the line of it that wrote it,
so that every complaint, and ``gfd explain``, can point there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gfd_templates
from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    FunctionLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2 import TemplateError as JinjaError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gfd import limits
from gfd.errors import LabelError, TemplateError
from gfd.frozen import dataclass
from gfd.labels import OWN_PREFIXES, Labels, check, check_ownership, legal, sanitise
from gfd.limits import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jinja2 import Environment, Template, nodes

    from gfd.inventory import Inventory
    from gfd.limits import Note
    from gfd.resources import Node
    from gfd.sources import Source

BUILT_IN = Path(gfd_templates.__file__).parent
MAX_CHARACTERS = 1 << 20
"""Of one template's output; NFD takes 64 KiB of labels altogether."""

_MARK, _END = "\x01", "\x02"
"""Around ``template:line`` in the rendered text. Values cannot hold them: see :func:`_finalize`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A label, and where it was written."""

    key: str
    value: str
    template: str
    line: int

    @property
    def origin(self) -> str:
        """``template:line``."""
        return f"{self.template}:{self.line}"


class Templates:
    """The templates of a configuration, compiled when first used and kept.

    ``sources`` override built-in templates by name, and add theirs; names that begin with ``_`` are for
    including.
    """

    def __init__(self, sources: tuple[Source, ...] = (), allowed_prefixes: tuple[str, ...] = ()) -> None:
        self._sources = {source.name: source for source in sources}
        self._environment: Environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FunctionLoader(self._find), FileSystemLoader(BUILT_IN)]),
            undefined=StrictUndefined,
            extensions=[_Origin],
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters["fit"] = _fit
        # example.com means its labels, not those of example.community.
        allowed = (prefix if "/" in prefix else f"{prefix}/" for prefix in allowed_prefixes)
        self._prefixes = (*OWN_PREFIXES, *allowed)
        self._added = tuple(
            name
            for name in self._sources
            if "/" not in name and not name.startswith("_") and not (BUILT_IN / name).exists()
        )

    def names(self, mig_strategy: str, extra_groups: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the templates that make up the labels, in order."""
        extra = (f"extra/{group}.j2" for group in extra_groups)
        return (f"{mig_strategy}.j2", *extra, *self._added)

    def compile(self, mig_strategy: str, extra_groups: Iterable[str] = (), note: Note = silent) -> None:
        """Compile every template that :meth:`render` would use, or include. Raises TemplateError."""
        included = sorted({path.name for path in BUILT_IN.glob("_*.j2")} | set(self._sources))
        for name in (*included, *self.names(mig_strategy, extra_groups)):
            note(f"compiling template {name}")
            self._compile(name)

    def render(
        self, node: Node, inventory: Inventory, extra_groups: Iterable[str] = (), note: Note = silent
    ) -> Labels:
        """Return the labels of a node, sorted by key. Raises TemplateError and LabelError."""
        return {
            written.key: written.value
            for written in sorted(self.write(node, inventory, extra_groups, note), key=lambda w: w.key)
        }

    def write(
        self, node: Node, inventory: Inventory, extra_groups: Iterable[str] = (), note: Note = silent
    ) -> tuple[Written, ...]:
        """Return the labels with their origins, checked, in the order the templates wrote them."""
        labels: dict[str, Written] = {}
        for name in self.names(node.mig_strategy, extra_groups):
            note(f"template {name}")
            for written in _parse(name, self._render(name, node, inventory)):
                if written.key in labels:
                    rule = f"this key is already written by {labels[written.key].origin}"
                    raise LabelError(written.key, written.value, rule, written.origin)
                check(written.key, written.value, written.origin)
                check_ownership(written.key, written.value, self._prefixes, written.origin)
                labels[written.key] = written
        return tuple(labels.values())

    def parse(self, name: str) -> tuple[str, nodes.Template]:
        """Return the source of a template, and its syntax tree. Raises TemplateError."""
        self._compile(name)  # which has an error for all that can be wrong
        loader = self._environment.loader
        assert loader is not None
        source = loader.get_source(self._environment, name)[0]
        return source, self._environment.parse(source, name)

    def render_tree(self, tree: nodes.Template, variables: Mapping[str, Any]) -> str:
        """Return what a syntax tree comes to, under the same rules as a template."""
        tree.set_environment(self._environment)
        tree.set_lineno(1)
        return self._environment.from_string(tree).render(variables)

    def _find(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        source = self._sources.get(name)
        return None if source is None else (source.text, source.path, lambda: True)

    def _compile(self, name: str) -> Template:
        try:
            return self._environment.get_template(name)
        except TemplateSyntaxError as error:
            raise TemplateError(error.name or name, error.lineno, error.message or "syntax error") from error
        except (JinjaError, OSError, UnicodeDecodeError) as error:
            raise TemplateError(name, 0, f"cannot be loaded: {error}") from error

    def _render(self, name: str, node: Node, inventory: Inventory) -> str:
        template = self._compile(name)
        try:
            return _collect(name, template.generate(node=node, inventory=inventory))
        except TemplateError:
            raise
        except Exception as error:  # a template can raise whatever its expressions raise
            raise self._locate(name, error) from error

    def _locate(self, name: str, error: Exception) -> TemplateError:
        """Return ``error`` as one that names template, line and expression: jinja2 puts both in the trace."""
        import traceback

        line = 1
        expression = ""
        names = {source.path: source.name for source in self._sources.values()}
        for frame in traceback.extract_tb(error.__traceback__):
            path = Path(frame.filename)
            if path.is_relative_to(BUILT_IN):
                names[frame.filename] = str(path.relative_to(BUILT_IN))
            if frame.filename in names:
                name, line, expression = names[frame.filename], frame.lineno or 1, frame.line or ""
        if isinstance(error, TemplateNotFound):
            reason = f"there is no template {error.name}"
        elif isinstance(error, MemoryError):
            reason = f"it takes more memory than the {limits.MEMORY_BYTES >> 20} MiB that templates may use"
        else:
            reason = str(error)
        return TemplateError(name, line, reason, expression)


class _Origin(Extension):
    """Puts a mark with template and line into every piece of literal text of a template."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        for token in stream:
            if token.type != "data":
                yield token
                continue
            marked = "\n".join(
                f"{_MARK}{stream.name}:{token.lineno + offset}{_END}{text}"
                for offset, text in enumerate(token.value.split("\n"))
            )
            yield Token(token.lineno, "data", marked)


def split(template: str, text: str) -> Iterator[tuple[str, int, str]]:
    """Yield what a rendered ``template`` says, each line after the template and line that wrote it."""
    origin, line = template, 1
    for raw in text.split("\n"):
        content = ""
        for piece in raw.split(_MARK):
            mark, found, rest = piece.partition(_END)
            if not found:
                content += piece
                continue
            if "=" not in content:
                origin, _, number = mark.rpartition(":")
                line = int(number)
            content += rest
        content = content.strip()
        if content and not content.startswith("#"):
            yield origin, line, content


def _parse(template: str, text: str) -> Iterator[Written]:
    for origin, line, content in split(template, text):
        key, equals, value = content.partition("=")
        if not equals:
            raise TemplateError(
                origin, line, "a line that is not empty is not of the form key=value", content
            )
        yield Written(key=key.strip(), value=value.strip(), template=origin, line=line)


def _finalize(value: Any) -> Any:
    """Refuse what would break the line that a value stands in."""
    if value is None:
        raise ValueError("the value is None: the hardware has no such thing; test for it first")
    if isinstance(value, str) and not value.isprintable():
        raise ValueError(f"the value {value!r} holds control characters")
    return value


def _fit(text: str) -> str:
    return legal(sanitise(text))


def _collect(name: str, pieces: Iterable[str]) -> str:
    kept, size = [], 0
    for piece in pieces:
        kept.append(piece)
        size += len(piece)
        if size > MAX_CHARACTERS:
            raise TemplateError(name, 0, f"it writes more than {MAX_CHARACTERS} characters")
    return "".join(kept)
