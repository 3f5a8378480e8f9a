"""`npm_env`: `node_modules` made by `npm ci` from a lock with integrity hashes, without install scripts.

The repository holds `node_modules/`, `node` (a link to the machine's Node) and `stamp`. Bazel does not
look inside directories, so every action that uses one also takes `stamp`.
"""

_BUILD = """
package(default_visibility = ["//visibility:public"])

exports_files(["node_modules", "node", "stamp"])
"""

def _npm_env_impl(rctx):
    node = rctx.which("node")
    npm = rctx.which("npm")
    if not node or not npm:
        fail("node and npm (Node 20 or newer) must be in PATH; on Debian: apt-get install nodejs npm")

    # A version manager's shim would not survive the sandbox: link the program itself.
    facts = rctx.execute([node, "-p", "process.execPath + ' ' + process.versions.node"])
    if facts.return_code != 0:
        fail("node does not run:\n%s" % facts.stderr)
    executable, version = facts.stdout.strip().rsplit(" ", 1)
    if int(version.split(".")[0]) < 20:
        fail("Node %s is too old: 20 or newer is needed" % version)
    rctx.symlink(executable, "node")
    rctx.symlink(rctx.attr.package, "package.json")
    rctx.symlink(rctx.attr.npmrc, ".npmrc")

    # A copy, as npm may want to write it.
    rctx.file("package-lock.json", rctx.read(rctx.attr.lock), executable = False)
    # npm gives up without a folder for its cache, as with a read-only home.
    environment = {}
    if rctx.execute(["sh", "-c", "mkdir -p \"${npm_config_cache:-$HOME/.npm}\""]).return_code != 0:
        environment["npm_config_cache"] = str(rctx.path("npm-cache"))
    rctx.report_progress("installing npm packages")
    result = rctx.execute(
        [npm, "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
        environment = environment,
        timeout = 1800,
    )
    rctx.delete("npm-cache")
    if result.return_code != 0:
        fail("npm ci failed (exit %d):\n%s\n%s" % (result.return_code, result.stdout, result.stderr))
    rctx.file("stamp", version + "\n" + rctx.read(rctx.attr.lock), executable = False)
    rctx.file("BUILD.bazel", _BUILD, executable = False)

npm_env = repository_rule(
    implementation = _npm_env_impl,
    attrs = {
        "lock": attr.label(mandatory = True, allow_single_file = True),
        "npmrc": attr.label(mandatory = True, allow_single_file = True),
        "package": attr.label(mandatory = True, allow_single_file = True),
    },
    doc = "node_modules from package-lock.json.",
)
