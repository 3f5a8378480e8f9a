"""The platforms that have the native kernel."""

# Coral's wheel tag -> the target in //python/native. Elsewhere the library path decodes.
NATIVE_LIBRARIES = {
    "manylinux_2_27_x86_64": "//python/native:linux_x86_64",
    "manylinux_2_27_aarch64": "//python/native:linux_aarch64",
}
