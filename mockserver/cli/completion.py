"""`mockserver completion`: prints the script with which a shell completes commands, options and values."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_MOCKSERVER_COMPLETE"  # click reads it: the script sets it when Tab is pressed
SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: add to ~/.bashrc:  eval "$(mockserver completion bash)"
    zsh:  add to ~/.zshrc:   eval "$(mockserver completion zsh)"
    fish: add to config.fish: mockserver completion fish | source
    """
    from mockserver.cli import main

    completion = get_completion_class(shell)
    assert completion
    script = completion(main, {}, "mockserver", VARIABLE).source()
    # click's script for fish would cut a value at its first comma, as in a list of vendors.
    click.echo(script.replace('string split ","', 'string split --max 1 ","'))
