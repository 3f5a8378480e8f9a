"""How files of different folders are listed for `stage_tree.py`: one line `SOURCE<TAB>TARGET` each."""

def _python_entry(file):
    return "%s\t%s" % (file.path, file.short_path)

def _example_entry(file):
    return "%s\tpython/coral/_examples/%s" % (file.path, file.short_path[len("typescript/examples/"):])

PACKAGE = {
    "examples": attr.label(mandatory = True, allow_files = True, doc = "sources of the example scripts"),
    "native_library": attr.label(allow_single_file = True, doc = "the native kernel, where the platform has one"),
    "proto": attr.label(mandatory = True, allow_single_file = True, doc = "the folder coral/_proto"),
    "python": attr.label(mandatory = True, allow_files = True, doc = "sources below python/"),
    "starter": attr.label(allow_single_file = True, doc = "the command `coral`, where the platform has one"),
    "sdk": attr.label(mandatory = True, allow_single_file = True, doc = "the folder coral/_sdk"),
}

def native_entries(ctx, starter):
    """The native kernel and the command `coral` as entries for `package_listing`; nothing where the platform has none.

    Args:
      ctx: of a rule with the attributes `PACKAGE`.
      starter: the target of the command.
    """
    library = ctx.file.native_library
    entries = [(library, "python/coral/_native/" + library.basename)] if library else []
    return entries + ([(ctx.file.starter, starter)] if ctx.file.starter else [])

def package_listing(ctx, name, extra):
    """Lists the package's files and `extra`, pairs of a file and its target.

    Returns:
      The list's file and all files named in it.
    """
    listing = ctx.actions.declare_file(name)
    lines = ctx.actions.args()
    lines.set_param_file_format("multiline")
    lines.add_all(ctx.files.python, map_each = _python_entry)
    lines.add_all(ctx.files.examples, map_each = _example_entry)

    # Folders are one line each, not one per file inside.
    for file, target in [(ctx.file.proto, "python/coral/_proto"), (ctx.file.sdk, "python/coral/_sdk")] + extra:
        lines.add("%s\t%s" % (file.path, target))
    ctx.actions.write(listing, lines)
    files = ctx.files.python + ctx.files.examples + [ctx.file.proto, ctx.file.sdk] + [file for file, _ in extra]
    return listing, files
