"""Find, compile, render and parse templates with jinja2."""

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

from gfd.errors import TemplateError
from gfd.labels import limits
from gfd.labels.rendered_label import ORIGIN_END, ORIGIN_START, check_value
from gfd.labels.syntax import sanitise, truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jinja2 import Environment, Template, nodes

    from gfd.labels.template_files import TemplateFile

BUILT_IN = Path(gfd_templates.__file__).parent
MAX_CHARACTERS = 1 << 20
"""Limit for the output of one template; NFD accepts 64 KiB of labels in all."""


class TemplateEngine:
    """Templates by name: the built-in ones, and ``sources``, which replace them. Each is compiled once."""

    def __init__(self, sources: Mapping[str, TemplateFile]) -> None:
        self._sources = sources
        self._environment: Environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FunctionLoader(self._find), FileSystemLoader(BUILT_IN)]),
            undefined=StrictUndefined,
            extensions=[_OriginExtension],
            finalize=check_value,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters["fit"] = fit

    def compile(self, name: str) -> Template:
        """Compile a template. Raises TemplateError."""
        try:
            return self._environment.get_template(name)
        except TemplateSyntaxError as error:
            raise TemplateError(error.name or name, error.lineno, error.message or "syntax error") from error
        except (JinjaError, OSError, UnicodeDecodeError) as error:
            raise TemplateError(name, 0, f"cannot be loaded: {error}") from error
        except Exception as error:  # jinja2 does not catch deep nesting or long numbers
            with limits.lift_memory_limit():
                raise TemplateError(name, _find_line(error), _explain(error)) from error

    def render(self, name: str, variables: Mapping[str, Any]) -> str:
        """Render a template. Raises TemplateError."""
        template = self.compile(name)
        try:
            return _join_limited(name, template.generate(variables))
        except TemplateError:
            raise
        except Exception as error:  # a template's expressions can raise anything
            with limits.lift_memory_limit():
                raise self._locate(name, error) from error

    def parse(self, name: str) -> tuple[str, nodes.Template]:
        """Return the source and the syntax tree of a template. Raises TemplateError."""
        self.compile(name)  # turns every defect into a TemplateError
        loader = self._environment.loader
        assert loader is not None
        source = loader.get_source(self._environment, name)[0]
        return source, self._environment.parse(source, name)

    def render_tree(self, tree: nodes.Template, variables: Mapping[str, Any]) -> str:
        """Render a syntax tree under the same rules as a template."""
        tree.set_environment(self._environment)
        tree.set_lineno(1)
        return self._environment.from_string(tree).render(variables)

    def _find(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        source = self._sources.get(name)
        return None if source is None else (source.text, source.path, lambda: True)

    def _locate(self, name: str, error: Exception) -> TemplateError:
        """Turn ``error`` into a TemplateError with template, line and expression, from jinja2's traceback."""
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
        return TemplateError(name, line, _explain(error), expression)


class _OriginExtension(Extension):
    """Put a mark with template and line into the literal text of a template."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        for token in stream:
            if token.type != "data":
                yield token
                continue
            marked = "\n".join(
                f"{ORIGIN_START}{stream.name}:{token.lineno + offset}{ORIGIN_END}{text}"
                for offset, text in enumerate(token.value.split("\n"))
            )
            yield Token(token.lineno, "data", marked)


def fit(text: str) -> str:
    """Turn ``text`` into a legal label value."""
    return truncate(sanitise(text))


def _explain(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"template {error.name} does not exist"
    if isinstance(error, MemoryError):
        return f"it needs more than {limits.MEMORY_BYTES >> 20} MiB, the limit for templates"
    if isinstance(error, RecursionError):
        return "it is nested too deeply, or calls itself endlessly"
    if isinstance(error, SyntaxError):
        return error.msg  # its line number is in jinja2's generated Python
    return str(error)


def _find_line(error: Exception) -> int:
    """Return the template line at which jinja2 failed to compile; 0 if unknown."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        known = trace.tb_frame.f_locals
        owners = [getattr(known.get(name), "lineno", None) for name in ("node", "self")]
        line = next((found for found in (known.get("lineno"), *owners) if isinstance(found, int)), line)
        trace = trace.tb_next
    return line


def _join_limited(name: str, pieces: Iterable[str]) -> str:
    kept, size = [], 0
    for piece in pieces:
        kept.append(piece)
        size += len(piece)
        if size > MAX_CHARACTERS:
            raise TemplateError(name, 0, f"its output is longer than {MAX_CHARACTERS} characters")
    return "".join(kept)
