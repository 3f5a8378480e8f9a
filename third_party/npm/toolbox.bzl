"""How a rule of ours runs the machine's Node with the pinned packages."""

NODE = {
    "_node": attr.label(default = "@coral_npm//:node", allow_single_file = True),
    "_node_modules": attr.label(default = "@coral_npm//:node_modules", allow_single_file = True),
    "_node_stamp": attr.label(default = "@coral_npm//:stamp", allow_single_file = True),
}

def node_inputs(ctx):
    """The files that an action or a test running Node depends on."""
    return [ctx.file._node, ctx.file._node_modules, ctx.file._node_stamp]
