"""Mistakes on the command line, in one line each and in plain words."""

import click


def usage_error_text(error: click.UsageError) -> str:
    """Return what is wrong, and where to read more."""
    context = error.ctx
    command = context.command_path if context else "mockserver"
    return f"{_mistake(error)} (see {command} --help)"


def _mistake(error: click.UsageError) -> str:
    if possibilities := getattr(error, "possibilities", None):
        return f"{_lower_first(error.message.rstrip('.'))}; did you mean {', '.join(sorted(possibilities))}?"
    # click puts each choice of a missing argument on a line of its own.
    text = " ".join(error.format_message().split()).replace(". Choose from:", ": choose from").rstrip(".")
    if isinstance(error, click.MissingParameter) or not isinstance(error, click.BadParameter):
        return _lower_first(text)
    names = error.param.opts if isinstance(error.param, click.Option) else [error.param_hint or ""]
    return f"{names[0]}: {error.message.rstrip('.')}" if names[0] else error.message.rstrip(".")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
