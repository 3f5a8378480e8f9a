"""How a rule of ours runs the pinned Python: attributes to add, inputs to pass, the program's path."""

PYTHON = {
    "_venv": attr.label(default = "@coral_python//:venv", allow_single_file = True),
    "_venv_stamp": attr.label(default = "@coral_python//:stamp", allow_single_file = True),
}

def python_inputs(ctx):
    """The files that an action or a test running Python depends on."""
    return [ctx.file._venv, ctx.file._venv_stamp]

def python_program(ctx):
    """The interpreter's path in an action."""
    return ctx.file._venv.path + "/bin/python"
