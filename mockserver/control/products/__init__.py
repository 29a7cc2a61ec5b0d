"""Products as the control API lists them: what each is called at each vendor."""
