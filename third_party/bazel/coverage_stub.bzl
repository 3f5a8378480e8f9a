"""An empty `@remote_coverage_tools`.

Bazel wants this repository for every test rule, also without coverage, and would download it.
"""

_BUILD = """
package(default_visibility = ["//visibility:public"])

filegroup(name = "coverage_report_generator")

filegroup(name = "lcov_merger")
"""

def _coverage_stub_impl(rctx):
    rctx.file("BUILD.bazel", _BUILD, executable = False)

coverage_stub = repository_rule(implementation = _coverage_stub_impl)
