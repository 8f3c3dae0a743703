"""Write docs/api.md from the docstrings of the public names; with --check, say whether it is up to date."""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import maskwright as mw

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
HEAD = """# The Python interface

Made from the docstrings by `python scripts/api_docs.py`. All names are those of `import maskwright as mw`. Arrays are
`(z, y, x)`, in 2-D `(y, x)`; lengths are in mm.
"""
RULE = re.compile(r"^-{3,}$")
LISTS = ("Parameters", "Attributes", "Returns", "Raises")


def main() -> int:
    """Return the exit status: 1 where the page is to be checked and is not up to date."""
    text = page()
    if "--check" in sys.argv:
        return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    """Return the page: functions, then classes, then errors."""
    values = {name: getattr(mw, name) for name in mw.__all__ if name != "__version__"}
    errors = {name: value for name, value in values.items() if _is_error(value)}
    classes = {name: value for name, value in values.items() if inspect.isclass(value) and name not in errors}
    functions = {name: value for name, value in values.items() if name not in classes and name not in errors}
    parts = [HEAD]
    for title, group in (("Functions", functions), ("Classes", classes)):
        parts.append(f"## {title}\n")
        parts += [entry for name, value in sorted(group.items()) for entry in _entries(name, value)]
    parts.append("## Errors\n")
    parts += [f"- `mw.{name}`: {_text(value)[0]}" for name, value in sorted(errors.items())]
    return "\n".join(parts).rstrip() + "\n"


def _entries(name: str, value: object) -> Iterator[str]:
    """Yield what the page says of a name, and of the methods that are its own."""
    yield f"### `mw.{name}`\n\n{_signature(name, value)}{_markdown(_text(value))}\n"
    if not inspect.isclass(value):
        return
    for method, found in vars(value).items():
        if method.startswith("_") or not (doc := inspect.getdoc(found)):
            continue
        shown = f"{method}{_parameters(found)}" if not isinstance(found, property) else method
        yield f"- **`{shown}`** {' '.join(doc.split(chr(10) + chr(10))[0].split())}"
    yield ""


def _is_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Exception)


def _signature(name: str, value: object) -> str:
    return f"```python\nmw.{name}{_parameters(value)}\n```\n\n"


def _parameters(value: object) -> str:
    found = value.__func__ if isinstance(value, classmethod | staticmethod) else value
    try:
        signature = inspect.signature(found)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    shown = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name not in ("self", "cls")]
    return str(signature.replace(parameters=shown, return_annotation=signature.empty))


def _text(value: object) -> list[str]:
    return (inspect.getdoc(value) or "").splitlines()


def _markdown(lines: list[str]) -> str:
    """Return a docstring as Markdown: its sections in bold, their entries as lists, its examples as code."""
    parts: list[str] = []
    is_code, section = False, ""
    for line, following in zip(lines, [*lines[1:], ""]):
        if RULE.match(line):
            continue
        if is_code and not line.strip():
            parts.append("```")
            is_code = False
        elif line.startswith(">>>") and not is_code:
            parts.append("```python")
            is_code = True
        if RULE.match(following) and line.strip():
            section = line
            parts.append(f"**{section}**\n")
        elif is_code or section not in LISTS or not line.strip() or line.startswith(" "):
            parts.append(line)
        else:
            parts.append(f"- `{line}`")
    return "\n".join([*parts, "```"] if is_code else parts)


if __name__ == "__main__":
    sys.exit(main())
